package options

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, role Role, arguments ...string) (*Options, error) {
	t.Helper()
	return Load(role, append([]string{"--node-ip=192.168.200.11", "--node-name=n1"}, arguments...))
}

func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	config := write(t, dir, "config.yaml", "tls-san: [a.example]\nnode-label: [one=1]\nwrite-kubeconfig-mode: \"640\"\nhttps-listen-port: 7443\n")
	write(t, dir, "config.yaml.d/10-more.yaml", "tls-san+: [b.example]\nnode-label: [two=2]\n")
	t.Setenv("K3S_KUBECONFIG_MODE", "644")
	t.Setenv("K3S_TOKEN", "from-environment")
	o, err := load(t, Server, "--config", config, "--tls-san=c.example,d.example")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(o.TLSSans, " "); got != "a.example b.example c.example d.example" {
		t.Errorf("tls-san: %s", got)
	}
	if got := strings.Join(o.NodeLabels, " "); got != "two=2" {
		t.Errorf("a drop-in without a plus replaces: %s", got)
	}
	if o.KubeconfigMode != "640" || o.Token != "from-environment" || o.HTTPSPort != 7443 {
		t.Errorf("mode %s, token %s, port %d", o.KubeconfigMode, o.Token, o.HTTPSPort)
	}
}

func TestRefusals(t *testing.T) {
	for _, refused := range []struct {
		name      string
		role      Role
		arguments []string
		want      string
	}{
		{"unknown", Server, []string{"--no-such-thing=1"}, "flag provided but not defined: -no-such-thing"},
		{"a server's setting on an agent", Agent, []string{"--cluster-cidr=10.0.0.0/16"}, "flag provided but not defined: -cluster-cidr"},
		{"known and not supported", Server, []string{"--rootless"}, "does not support it"},
		{"not a boolean", Server, []string{"--cluster-init=perhaps"}, "invalid boolean"},
		{"agent without server", Agent, []string{"--token=x"}, "--server is required"},
		{"agent without token", Agent, []string{"--server=https://192.168.200.11:6443"}, "--token is required"},
		{"join without token", Server, []string{"--server=https://192.168.200.11:6443"}, "--token is required"},
		{"two ranges", Server, []string{"--cluster-cidr=10.42.0.0/16,2001:db8::/56"}, "IPv4 only"},
		{"reset of a joined server", Server, []string{"--cluster-reset", "--server=https://a:6443", "--token=x"}, "exclude each other"},
		{"SQL datastore", Server, []string{"--datastore-endpoint=postgres://user:secret@db/k3s"}, "etcd only"},
		{"unknown component", Server, []string{"--disable=grafana"}, "not a packaged component"},
		{"wireguard", Server, []string{"--flannel-backend=wireguard-native"}, "does not support flannel-backend"},
	} {
		t.Run(refused.name, func(t *testing.T) {
			_, err := load(t, refused.role, refused.arguments...)
			if err == nil || !strings.Contains(err.Error(), refused.want) {
				t.Fatalf("got %v, want %q in it", err, refused.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the message tells a secret: %v", err)
			}
		})
	}
}

func TestHarmlessValuesOfRefusedSettings(t *testing.T) {
	if _, err := load(t, Server, "--rootless=false", "--selinux=false", "--default-runtime=runc"); err != nil {
		t.Fatal(err)
	}
}

func TestDefaults(t *testing.T) {
	o, err := load(t, Server, "--service-cidr=10.99.0.0/16")
	if err != nil {
		t.Fatal(err)
	}
	if o.ClusterDNS != "10.99.0.10" || o.ServiceIP() != "10.99.0.1" || o.HighlyAvailable() {
		t.Errorf("dns %s, service %s", o.ClusterDNS, o.ServiceIP())
	}
}

func TestArguments(t *testing.T) {
	got := strings.Join(Arguments(
		map[string]string{"v": "0", "profiling": "false", "feature-gates": "A=false"},
		[]string{"v=4", "audit-log-path=/var/log/a=b", "feature-gates=B=true", "anonymous"},
	), " ")
	want := "--anonymous=true --audit-log-path=/var/log/a=b --feature-gates=A=false --feature-gates=B=true --profiling=false --v=4"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestContract holds the keys to the list that the command line of k3s 1.30 was read off into, where that list is there. Later releases
// have more.
func TestContract(t *testing.T) {
	content, err := os.ReadFile("../../../../../shared/contract/k3s.json")
	if err != nil {
		t.Skip("the contract is not beside this checkout")
	}
	var contract struct{ Server, Agent []string }
	if err := json.Unmarshal(content, &contract); err != nil {
		t.Fatal(err)
	}
	for _, name := range contract.Server {
		if _, ok := keys[name]; !ok {
			t.Errorf("server: k3s has %s", name)
		}
	}
	for _, name := range contract.Agent {
		if !keys[name].agent {
			t.Errorf("agent: k3s has %s", name)
		}
	}
}

// TestUnknownKeys holds k3s's difference: a server skips what it does not know in a file, an agent ends.
func TestUnknownKeys(t *testing.T) {
	dir := t.TempDir()
	config := write(t, dir, "config.yaml", "no-such-thing: 1\ntls-san: [a.example]\n")
	o, err := load(t, Server, "--config", config)
	if err != nil || strings.Join(o.TLSSans, " ") != "a.example" {
		t.Fatalf("server: %v, %v", o, err)
	}
	agent := write(t, dir, "agent.yaml", "no-such-thing: 1\n")
	if _, err := load(t, Agent, "--config", agent, "--server=https://192.168.200.11:6443", "--token=x"); err == nil || !strings.Contains(err.Error(), "flag provided but not defined: -no-such-thing") {
		t.Errorf("agent: %v", err)
	}
}
