package node

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"homelab/k3s/internal/credentials"
)

// routeProtocol marks the routes made here, so that those of nodes that left can be told and removed.
const routeProtocol = 0x6b

// startNetwork gives the node its pod network: a bridge by CNI, and plain routes to the other nodes' pods.
func (n *Node) startNetwork(ctx context.Context) error {
	podCIDR, err := n.podCIDR(ctx)
	if err != nil {
		return err
	}
	if err := credentials.WriteFile(n.agentDir("etc/cni/net.d/10-k3s.conflist"), []byte(cniConfig(podCIDR)), 0o600); err != nil {
		return err
	}
	if err := allowPods(n.config.ClusterCIDR); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", n.agentDir("kubeproxy.kubeconfig"))
	if err != nil {
		return err
	}
	// A kubelet may read its own node only; the proxy may read all.
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	n.followNodes(ctx, client)
	return nil
}

func (n *Node) podCIDR(ctx context.Context) (string, error) {
	for {
		node, err := n.kubelet.CoreV1().Nodes().Get(ctx, n.options.NodeName, meta.GetOptions{})
		if err == nil && node.Spec.PodCIDR != "" {
			return node.Spec.PodCIDR, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func cniConfig(podCIDR string) string {
	return fmt.Sprintf(`{
  "cniVersion": "0.4.0",
  "name": "cbr0",
  "plugins": [
    {
      "type": "bridge", "bridge": "cni0", "isGateway": true, "isDefaultGateway": true, "ipMasq": false, "hairpinMode": true,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": %q}]]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`, podCIDR)
}

// allowPods lets pod traffic through and gives what leaves the cluster the node's address.
func allowPods(cidr string) error {
	for _, rule := range [][]string{
		{"-t", "nat", "-A", "POSTROUTING", "-s", cidr, "!", "-d", cidr, "-m", "comment", "--comment", "k3s pods to the outside", "-j", "MASQUERADE"},
		{"-t", "filter", "-A", "FORWARD", "-s", cidr, "-m", "comment", "--comment", "k3s pods", "-j", "ACCEPT"},
		{"-t", "filter", "-A", "FORWARD", "-d", cidr, "-m", "comment", "--comment", "k3s pods", "-j", "ACCEPT"},
	} {
		check := append([]string{"-w", "10"}, rule...)
		check[4] = "-C"
		if exec.Command("iptables", check...).Run() == nil {
			continue
		}
		check[4] = "-A"
		if output, err := exec.Command("iptables", check...).CombinedOutput(); err != nil {
			return fmt.Errorf("iptables: %w: %s", err, strings.TrimSpace(string(output)))
		}
	}
	return nil
}

func (n *Node) followNodes(ctx context.Context, client kubernetes.Interface) {
	factory := informers.NewSharedInformerFactory(client, 5*time.Minute)
	informer := factory.Core().V1().Nodes()
	changed := make(chan struct{}, 1)
	poke := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: poke, DeleteFunc: poke, UpdateFunc: func(_, next any) { poke(next) },
	})
	if err != nil {
		slog.Error("cannot follow the cluster's nodes", "error", err.Error())
		return
	}
	factory.Start(ctx.Done())
	go func() {
		if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
			return
		}
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
			nodes := make([]*core.Node, 0, 8)
			for _, item := range informer.Informer().GetStore().List() {
				nodes = append(nodes, item.(*core.Node))
			}
			if err := setRoutes(wantedRoutes(n.options.NodeName, nodes)); err != nil {
				slog.Error("routes to the other nodes' pods", "error", err.Error())
				time.Sleep(time.Second)
				poke(nil)
			}
		}
	}()
}

// wantedRoutes maps other nodes' pod ranges to their addresses.
func wantedRoutes(self string, nodes []*core.Node) map[string]string {
	out := map[string]string{}
	for _, node := range nodes {
		if node.Name == self || node.Spec.PodCIDR == "" {
			continue
		}
		for _, address := range node.Status.Addresses {
			if address.Type == core.NodeInternalIP {
				out[node.Spec.PodCIDR] = address.Address
				break
			}
		}
	}
	return out
}

func setRoutes(wanted map[string]string) error {
	existing, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: routeProtocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return err
	}
	for i := range existing {
		route := existing[i]
		if route.Dst != nil && wanted[route.Dst.String()] == route.Gw.String() {
			continue
		}
		if err := netlink.RouteDel(&route); err != nil {
			return err
		}
	}
	for cidr, gateway := range wanted {
		_, destination, err := net.ParseCIDR(cidr)
		if err != nil {
			return err
		}
		route := netlink.Route{Dst: destination, Gw: net.ParseIP(gateway), Protocol: routeProtocol}
		if err := netlink.RouteReplace(&route); err != nil {
			return fmt.Errorf("%s via %s: %w", cidr, gateway, err)
		}
	}
	return nil
}
