package node

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
)

func machine(name, podCIDR, address string) *core.Node {
	node := &core.Node{}
	node.Name, node.Spec.PodCIDR = name, podCIDR
	if address != "" {
		node.Status.Addresses = []core.NodeAddress{{Type: core.NodeHostName, Address: name}, {Type: core.NodeInternalIP, Address: address}}
	}
	return node
}

func TestRoutesToOtherNodesOnly(t *testing.T) {
	got := wantedRoutes("n1", []*core.Node{
		machine("n1", "10.42.0.0/24", "192.168.200.11"), machine("n2", "10.42.1.0/24", "192.168.200.12"),
		machine("n3", "", "192.168.200.13"), machine("n4", "10.42.3.0/24", ""),
	})
	if len(got) != 1 || got["10.42.1.0/24"] != "192.168.200.12" {
		t.Errorf("%v", got)
	}
}

func TestReadyIsTheKubeletsWordSinceTheStart(t *testing.T) {
	start := time.Now()
	node := machine("n1", "", "")
	say := func(status core.ConditionStatus, at time.Time) {
		node.Status.Conditions = []core.NodeCondition{{Type: core.NodeReady, Status: status}}
		node.Status.Conditions[0].LastHeartbeatTime.Time = at
	}
	if isReady(node, start) {
		t.Error("ready without a condition")
	}
	if say(core.ConditionTrue, start.Add(-time.Minute)); isReady(node, start) {
		t.Error("ready by what an older kubelet said")
	}
	if say(core.ConditionFalse, start.Add(time.Second)); isReady(node, start) {
		t.Error("ready though it says it is not")
	}
	if say(core.ConditionTrue, start.Add(time.Second)); !isReady(node, start) {
		t.Error("not ready though it says so")
	}
}

func TestPodNetworkIsJSON(t *testing.T) {
	var config map[string]any
	if err := json.Unmarshal([]byte(cniConfig("10.42.1.0/24")), &config); err != nil {
		t.Fatal(err)
	}
}

func TestRegistries(t *testing.T) {
	hosts, logins, err := renderRegistries([]byte("mirrors: {docker.io: {endpoint: [\"https://mirror.example:5000\"]}, \"*\": {endpoint: [\"http://192.168.200.1:5000\"]}}\nconfigs: {\"mirror.example:5000\": {tls: {ca_file: /etc/ca.pem}, auth: {username: jane, password: 'a\"b'}}, ghcr.io: {auth: {identity_token: t}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"server = \"https://docker.io\"", "[host.\"https://mirror.example:5000\"]", "ca = \"/etc/ca.pem\""} {
		if !strings.Contains(hosts["docker.io"], want) {
			t.Errorf("%q is not in\n%s", want, hosts["docker.io"])
		}
	}
	if !strings.Contains(hosts["_default"], "192.168.200.1:5000") {
		t.Errorf("%v", hosts)
	}
	want := `    [plugins."io.containerd.grpc.v1.cri".registry.configs."ghcr.io".auth]
      identitytoken = "t"
    [plugins."io.containerd.grpc.v1.cri".registry.configs."mirror.example:5000".auth]
      username = "jane"
      password = "a\"b"
`
	if logins != want {
		t.Errorf("logins are\n%s", logins)
	}
	for _, bad := range []string{"mirrors: {a: {endpoint: [nonsense]}}", "configs: {a: {auth: {user: u}}}", "unknown: 1"} {
		if _, _, err := renderRegistries([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestKernelSettingsAreMadeOrNamed(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{"vm/overcommit_memory": "0", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(value+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := checkKernel(dir); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(filepath.Join(dir, "vm/overcommit_memory")); string(content) != "1" {
		t.Errorf("it is %s", content)
	}
}

// upstream answers every connection with its name.
func upstream(t *testing.T, name string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(connection, name)
		}
	}()
	return listener
}

func TestBalancerPassesOverDeadServers(t *testing.T) {
	first, second := upstream(t, "first"), upstream(t, "second")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b := newBalancer(address, first.Addr().String())
	if err := b.listen(ctx); err != nil {
		t.Fatal(err)
	}
	ask := func() (string, net.Conn) {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(connection).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line), connection
	}
	answered, open := ask()
	if answered != "first" {
		t.Errorf("%s", answered)
	}
	b.set([]string{second.Addr().String()})
	if got := b.list(); len(got) != 2 || got[0] != first.Addr().String() {
		t.Errorf("the address to join is not kept: %v", got)
	}
	first.Close()
	b.demote(first.Addr().String())
	if _, err := open.Read(make([]byte, 1)); err == nil {
		t.Error("a connection to the dead server stays open")
	}
	if answered, _ = ask(); answered != "second" {
		t.Errorf("%s", answered)
	}
}
