package node

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

// policyQueue is the kernel's packet queue of this machine's network namespace.
const policyQueue = 100

// startPolicies enforces network policies where k3s has kube-router: upstream's kube-network-policies decides on the first packet of each
// connection. Its own nftables rules need a kernel with CONFIG_NFT_QUEUE; the rule here works with iptables' NFQUEUE as well.
func (n *Node) startPolicies(ctx context.Context) error {
	if n.config.DisableNetworkPolicy {
		return nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", n.agentDir("k3scontroller.kubeconfig"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := networkpolicy.NewController(
		client, factory.Networking().V1().NetworkPolicies(), factory.Core().V1().Namespaces(), factory.Core().V1().Pods(), nil, nil, nil, nil,
		// It asks the runtime about addresses by NRI, too, and ends at the first unknown one where that is disabled. Debian's containerd has
		// no NRI: it says so once.
		networkpolicy.Config{QueueID: policyQueue, NodeName: n.options.NodeName},
	)
	if err != nil {
		return err
	}
	if err := queueConnections(); err != nil {
		slog.Warn("network policies are not enforced", "reason", err.Error())
		return nil
	}
	factory.Start(ctx.Done())
	go func() {
		for ctx.Err() == nil {
			if err := controller.Run(ctx); err != nil && ctx.Err() == nil {
				slog.Warn("network policies are not enforced", "reason", err.Error())
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Second):
			}
		}
	}()
	return nil
}

// queueConnections asks about the first packet of each connection that is forwarded: after a service's address was replaced, and before the
// sender's is. What the machine itself sends to its pods, such as the kubelet's probes, is not forwarded. In the mangle table, so that what
// is let through still meets the filter table. Nobody listens before the policies are known: everything passes then, as with k3s.
func queueConnections() error {
	if dnsRaces() {
		// The second of two questions from one socket would be lost in the queue, and a resolver wait five seconds.
		if err := ensureRule("mangle", "FORWARD", "-p", "udp", "--dport", "53", "-j", "ACCEPT"); err != nil {
			return err
		}
	}
	return ensureRule(
		"mangle", "FORWARD", "-m", "conntrack", "!", "--ctstate", "ESTABLISHED,RELATED",
		"-j", "NFQUEUE", "--queue-num", strconv.Itoa(policyQueue), "--queue-bypass",
	)
}

// dnsRaces says whether this kernel is older than 6.12; see bug 1766 of netfilter.
func dnsRaces() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major < 6 || (major == 6 && minor < 12)
}

// ensureRule appends a rule to a chain unless it is there.
func ensureRule(table, chain string, rule ...string) error {
	with := func(action string) *exec.Cmd {
		return exec.Command("iptables", append([]string{"-w", "10", "-t", table, action, chain}, rule...)...)
	}
	if with("-C").Run() == nil {
		return nil
	}
	if output, err := with("-A").CombinedOutput(); err != nil {
		return fmt.Errorf("iptables: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}
