package addons

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	// enableLabel restricts the nodes whose addresses services get, once any node has it; as in k3s.
	enableLabel = "svccontroller.k3s.cattle.io/enablelb"
)

// serviceAddresses gives LoadBalancer services the nodes' addresses, where kube-proxy then answers. A port that an
// older service has on the nodes is taken, as a host port would be.
func (c *Controllers) serviceAddresses(ctx context.Context) error {
	services, err := c.svcs.List(labels.Everything())
	if err != nil {
		return err
	}
	nodes, err := c.nodes.List(labels.Everything())
	if err != nil {
		return err
	}
	addresses := lbAddresses(nodes)
	sort.Slice(services, func(i, j int) bool {
		a, b := services[i], services[j]
		if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
			return a.CreationTimestamp.Before(&b.CreationTimestamp)
		}
		return a.Namespace+"/"+a.Name < b.Namespace+"/"+b.Name
	})
	taken := map[string]string{}
	var failures []error
	for _, service := range services {
		if service.Spec.Type != core.ServiceTypeLoadBalancer || service.Spec.LoadBalancerClass != nil || service.DeletionTimestamp != nil {
			continue
		}
		own := addresses
		if owner := takePorts(taken, service); owner != "" {
			own = nil
			slog.Info("service gets no address: its port is another service's", "service", service.Namespace+"/"+service.Name, "other", owner)
		}
		failures = append(failures, c.setAddresses(ctx, service, own))
	}
	return errors.Join(failures...)
}

// takePorts books the service's ports, or answers whose one of them is.
func takePorts(taken map[string]string, service *core.Service) string {
	var wanted []string
	for _, port := range service.Spec.Ports {
		name := fmt.Sprintf("%s/%d", port.Protocol, port.Port)
		if owner := taken[name]; owner != "" {
			return owner
		}
		wanted = append(wanted, name)
	}
	for _, name := range wanted {
		taken[name] = service.Namespace + "/" + service.Name
	}
	return ""
}

func lbAddresses(nodes []*core.Node) []string {
	restricted := slices.ContainsFunc(nodes, func(n *core.Node) bool { return n.Labels[enableLabel] != "" })
	var out []string
	for _, node := range nodes {
		if restricted && node.Labels[enableLabel] != "true" || !ready(node) || node.DeletionTimestamp != nil {
			continue
		}
		internal, external := "", ""
		for _, address := range node.Status.Addresses {
			switch address.Type {
			case core.NodeInternalIP:
				internal = or(internal, address.Address)
			case core.NodeExternalIP:
				external = or(external, address.Address)
			}
		}
		if address := or(external, internal); address != "" {
			out = append(out, address)
		}
	}
	sort.Strings(out)
	return out
}

func ready(node *core.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady {
			return condition.Status == core.ConditionTrue
		}
	}
	return false
}

func (c *Controllers) setAddresses(ctx context.Context, service *core.Service, addresses []string) error {
	var current []string
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		current = append(current, ingress.IP)
	}
	if strings.Join(current, " ") == strings.Join(addresses, " ") {
		return nil
	}
	changed := service.DeepCopy()
	mode := core.LoadBalancerIPModeVIP
	changed.Status.LoadBalancer.Ingress = nil
	for _, address := range addresses {
		changed.Status.LoadBalancer.Ingress = append(changed.Status.LoadBalancer.Ingress, core.LoadBalancerIngress{IP: address, IPMode: &mode})
	}
	_, err := c.client.CoreV1().Services(service.Namespace).UpdateStatus(ctx, changed, meta.UpdateOptions{FieldManager: "k3s-servicelb"})
	return err
}
