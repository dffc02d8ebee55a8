package node

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/options"
	"homelab/k3s/internal/process"
)

func (n *Node) startPrograms() error {
	kubelet, err := n.kubeletArguments()
	if err != nil {
		return err
	}
	n.group.Keep(process.Child{
		Name: "kubelet", Args: process.Fixed(kubelet...),
		// A server that vanished is noticed within seconds rather than a minute.
		Env: []string{"HTTP2_READ_IDLE_TIMEOUT_SECONDS=5", "HTTP2_PING_TIMEOUT_SECONDS=5"},
	})
	if n.config.DisableKubeProxy {
		return nil
	}
	proxy, err := n.proxyArguments()
	if err != nil {
		return err
	}
	n.group.Keep(process.Child{Name: "kube-proxy", Args: process.Fixed(proxy...)})
	return nil
}

func (n *Node) kubeletArguments() ([]string, error) {
	o := n.options
	resolv := or(o.ResolvConf, resolvConf())
	config := map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false}, "webhook": map[string]any{"enabled": true},
			"x509": map[string]any{"clientCAFile": n.agentDir("client-ca.crt")},
		},
		"authorization": map[string]any{"mode": "Webhook"},
		"tlsCertFile":   n.agentDir("serving-kubelet.crt"), "tlsPrivateKeyFile": n.agentDir("serving-kubelet.key"),
		"containerRuntimeEndpoint": "unix://" + ContainerdSocket, "cgroupDriver": "cgroupfs", "cgroupRoot": "/",
		"failCgroupV1": false, "failSwapOn": false, "clusterDomain": n.config.ClusterDomain, "clusterDNS": []string{n.config.ClusterDNS},
		"resolvConf": resolv, "staticPodPath": n.agentDir("pod-manifests"), "protectKernelDefaults": o.ProtectKernelDefaults,
		"serializeImagePulls": false, "nodeStatusUpdateFrequency": "5s", "fileCheckFrequency": "20s",
		// The simulated machines share one disk: percentages of it say nothing about this machine.
		"evictionHard":                map[string]string{"memory.available": "100Mi", "nodefs.available": "5%", "imagefs.available": "5%", "nodefs.inodesFree": "5%"},
		"imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99, "shutdownGracePeriod": "0s",
	}
	if inContainer() {
		// The capability to lower the score may be missing there.
		config["oomScoreAdj"] = 0
	}
	if err := os.MkdirAll(n.agentDir("pod-manifests"), 0o700); err != nil {
		return nil, err
	}
	file := n.agentDir("etc/kubelet.yaml")
	if err := writeJSON(file, config); err != nil {
		return nil, err
	}
	flags := map[string]string{
		"config": file, "kubeconfig": n.agentDir("kubelet.kubeconfig"), "hostname-override": o.NodeName, "node-ip": o.NodeIP,
		"root-dir": "/var/lib/kubelet", "cert-dir": n.agentDir("pki"), "v": strconv.Itoa(o.V),
		// Where cAdvisor asks which container a control group is of; it does not look at the runtime's endpoint.
		"containerd": ContainerdSocket,
	}
	if len(o.NodeLabels) > 0 {
		flags["node-labels"] = strings.Join(o.NodeLabels, ",")
	}
	if len(o.NodeTaints) > 0 {
		flags["register-with-taints"] = strings.Join(o.NodeTaints, ",")
	}
	if o.CredentialProviderConf != "" {
		flags["image-credential-provider-config"] = o.CredentialProviderConf
		flags["image-credential-provider-bin-dir"] = o.CredentialProviderBin
	}
	return options.Arguments(flags, o.KubeletArgs), nil
}

func (n *Node) proxyArguments() ([]string, error) {
	config := map[string]any{
		"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "iptables",
		"hostnameOverride": n.options.NodeName, "clusterCIDR": n.config.ClusterCIDR,
		"clientConnection": map[string]any{"kubeconfig": n.agentDir("kubeproxy.kubeconfig")},
		// Connection tracking limits are the host's in a simulated machine.
		"conntrack": map[string]any{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
		// Without br_netfilter, answers between pods of one bridge would skip the translation back.
		"iptables":           map[string]any{"masqueradeAll": !bridgeFiltered()},
		"healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": "127.0.0.1:10249",
	}
	file := n.agentDir("etc/kube-proxy.yaml")
	if err := writeJSON(file, config); err != nil {
		return nil, err
	}
	// kube-proxy ignores most flags beside a config file, so arguments are merged into the file where they have a place there.
	return options.Arguments(map[string]string{"config": file, "v": strconv.Itoa(n.options.V)}, n.options.KubeProxyArgs), nil
}

func writeJSON(file string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return credentials.WriteFile(file, content, 0o600)
}

// resolvConf is a file whose name servers a pod can reach: not systemd-resolved's stub on loopback.
func resolvConf() string {
	content, err := os.ReadFile("/etc/resolv.conf")
	if err == nil && !strings.Contains(string(content), "nameserver 127.") {
		return "/etc/resolv.conf"
	}
	if _, err := os.Stat("/run/systemd/resolve/resolv.conf"); err == nil {
		return "/run/systemd/resolve/resolv.conf"
	}
	return "/etc/resolv.conf"
}

func isReady(node *core.Node, since time.Time) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady {
			return condition.Status == core.ConditionTrue && !condition.LastHeartbeatTime.Time.Before(since)
		}
	}
	return false
}

func notReadyReason(node *core.Node, err error) string {
	if err != nil {
		return err.Error()
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady {
			return condition.Message
		}
	}
	return "no Ready condition yet"
}
