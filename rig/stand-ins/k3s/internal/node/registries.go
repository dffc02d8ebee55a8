package node

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"

	"homelab/k3s/internal/credentials"
)

// registries is the part of k3s's registries.yaml that the stand-in does; anything else in the file is refused.
type registries struct {
	Mirrors map[string]struct {
		Endpoint []string          `json:"endpoint"`
		Rewrite  map[string]string `json:"rewrite"`
	} `json:"mirrors"`
	Configs map[string]struct {
		Auth *registryAuth `json:"auth"`
		TLS  *struct {
			CAFile             string `json:"ca_file"`
			CertFile           string `json:"cert_file"`
			KeyFile            string `json:"key_file"`
			InsecureSkipVerify bool   `json:"insecure_skip_verify"`
		} `json:"tls"`
	} `json:"configs"`
}

// registryAuth is how to log in to an endpoint: one of the pair, the pair in base64, or a token.
type registryAuth struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"`
	IdentityToken string `json:"identity_token"`
}

// writeRegistries turns registries.yaml into containerd's folder of hosts.toml files and answers that folder, and what containerd's
// configuration says of logins: hosts.toml has no place for them.
func (n *Node) writeRegistries() (folder, logins string, err error) {
	folder = n.agentDir("etc/containerd/certs.d")
	if err := os.RemoveAll(folder); err != nil {
		return "", "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", "", err
	}
	content, err := os.ReadFile(n.options.PrivateRegistry)
	if os.IsNotExist(err) {
		return folder, "", nil
	}
	if err != nil {
		return "", "", err
	}
	hosts, logins, err := renderRegistries(content)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", n.options.PrivateRegistry, err)
	}
	for host, text := range hosts {
		if err := credentials.WriteFile(filepath.Join(folder, host, "hosts.toml"), []byte(text), 0o600); err != nil {
			return "", "", err
		}
	}
	return folder, logins, nil
}

func renderRegistries(content []byte) (files map[string]string, logins string, err error) {
	var parsed registries
	if err := yaml.UnmarshalStrict(content, &parsed); err != nil {
		return nil, "", err
	}
	out := map[string]string{}
	for host, mirror := range parsed.Mirrors {
		if len(mirror.Rewrite) > 0 {
			return nil, "", fmt.Errorf("mirrors.%s.rewrite is not supported by the k3s stand-in", host)
		}
		var text strings.Builder
		if host != "*" {
			fmt.Fprintf(&text, "server = %q\n", "https://"+host)
		}
		for _, endpoint := range mirror.Endpoint {
			address, err := url.Parse(endpoint)
			if err != nil || address.Host == "" {
				return nil, "", fmt.Errorf("mirrors.%s.endpoint: %q is not a URL", host, endpoint)
			}
			fmt.Fprintf(&text, "\n[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", endpoint)
			if config, ok := parsed.Configs[address.Host]; ok && config.TLS != nil {
				if config.TLS.CAFile != "" {
					fmt.Fprintf(&text, "  ca = %q\n", config.TLS.CAFile)
				}
				if config.TLS.CertFile != "" {
					fmt.Fprintf(&text, "  client = [[%q, %q]]\n", config.TLS.CertFile, config.TLS.KeyFile)
				}
				fmt.Fprintf(&text, "  skip_verify = %t\n", config.TLS.InsecureSkipVerify)
			}
		}
		name := host
		if host == "*" {
			name = "_default"
		}
		out[name] = text.String()
	}
	return out, renderLogins(parsed), nil
}

func renderLogins(parsed registries) string {
	hosts := make([]string, 0, len(parsed.Configs))
	for host := range parsed.Configs {
		hosts = append(hosts, host)
	}
	sort.Strings(hosts)
	var text strings.Builder
	for _, host := range hosts {
		auth := parsed.Configs[host].Auth
		if auth == nil {
			continue
		}
		fmt.Fprintf(&text, "    [plugins.\"io.containerd.grpc.v1.cri\".registry.configs.%q.auth]\n", host)
		for _, field := range [][2]string{
			{"username", auth.Username}, {"password", auth.Password}, {"auth", auth.Auth}, {"identitytoken", auth.IdentityToken},
		} {
			if field[1] != "" {
				fmt.Fprintf(&text, "      %s = %q\n", field[0], field[1])
			}
		}
	}
	return text.String()
}
