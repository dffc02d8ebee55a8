package addons

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"homelab/k3s/internal/reconcile"
)

// etcdNameAnnotation tells which etcd member a node is, as in k3s.
const etcdNameAnnotation = "etcd.k3s.cattle.io/node-name"

// labelSelf gives this server's node the roles that a kubelet may not give itself.
func (c *Controllers) labelSelf(ctx context.Context) {
	roles := map[string]string{"node-role.kubernetes.io/control-plane": "true"}
	annotations := map[string]string{}
	if c.options.HighlyAvailable() && !c.etcd.External() {
		roles["node-role.kubernetes.io/etcd"] = "true"
		if name, err := c.etcd.Name(); err == nil {
			annotations[etcdNameAnnotation] = name
			annotations["etcd.k3s.cattle.io/node-address"] = c.options.NodeIP
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": roles, "annotations": annotations}})
	if err != nil {
		return
	}
	for ctx.Err() == nil {
		node, err := c.client.CoreV1().Nodes().Get(ctx, c.options.NodeName, meta.GetOptions{})
		if err == nil && !has(node.Labels, roles) || err == nil && !has(node.Annotations, annotations) {
			_, err = c.client.CoreV1().Nodes().Patch(ctx, c.options.NodeName, types.MergePatchType, patch, meta.PatchOptions{})
		}
		wait := time.Second
		if err == nil {
			wait = reconcile.Resync
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func has(all, wanted map[string]string) bool {
	for name, value := range wanted {
		if all[name] != value {
			return false
		}
	}
	return true
}

// onNodeDeleted removes the etcd member of a server whose node was deleted, and any node's password, so that a machine
// of that name can join anew.
func (c *Controllers) onNodeDeleted(ctx context.Context, informer cache.SharedIndexInformer) {
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{DeleteFunc: func(object any) {
		if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = tombstone.Obj
		}
		node, ok := object.(*core.Node)
		if !ok {
			return
		}
		err := c.client.CoreV1().Secrets(system).Delete(ctx, node.Name+".node-password.k3s", meta.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			slog.Error("removing the password of a deleted node", "node", node.Name, "error", err.Error())
		}
		if name := node.Annotations[etcdNameAnnotation]; name != "" && !c.etcd.External() {
			if err := c.etcd.RemoveMember(ctx, name); err != nil {
				slog.Error("removing the etcd member of a deleted node", "node", node.Name, "member", name, "error", err.Error())
			} else {
				slog.Info("removed the etcd member of a deleted node", "node", node.Name, "member", name)
			}
		}
	}})
}

// nodeHosts tells CoreDNS the nodes' names, in the key that its Corefile reads.
func (c *Controllers) nodeHosts(ctx context.Context) error {
	if !c.options.Enabled("coredns") {
		return nil
	}
	nodes, err := c.nodes.List(labels.Everything())
	if err != nil {
		return err
	}
	var lines []string
	for _, node := range nodes {
		for _, address := range node.Status.Addresses {
			if address.Type == core.NodeInternalIP {
				lines = append(lines, fmt.Sprintf("%s %s", address.Address, node.Name))
			}
		}
	}
	sort.Strings(lines)
	hosts := strings.Join(lines, "\n") + "\n"
	maps := c.client.CoreV1().ConfigMaps(system)
	current, err := maps.Get(ctx, "coredns", meta.GetOptions{})
	if err != nil {
		return err
	}
	if current.Data["NodeHosts"] == hosts {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"data": map[string]string{"NodeHosts": hosts}})
	if err != nil {
		return err
	}
	_, err = maps.Patch(ctx, "coredns", types.MergePatchType, patch, meta.PatchOptions{FieldManager: "k3s-node-hosts"})
	return err
}
