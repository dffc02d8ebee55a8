// Package addons is what k3s adds to a bare control plane: packaged manifests, node labels, local volumes and service addresses.
package addons

import (
	"context"
	"log/slog"
	"os"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	core "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"homelab/k3s/internal/datastore"
	"homelab/k3s/internal/options"
	"homelab/k3s/internal/reconcile"
)

const system = "kube-system"

// Controllers are the loops of one server; of several servers one runs them at a time.
type Controllers struct {
	options *options.Options
	etcd    *datastore.Etcd
	client  kubernetes.Interface
	config  *rest.Config
	nodes   core.NodeLister
	svcs    core.ServiceLister
}

// Run works until the context ends.
func Run(ctx context.Context, o *options.Options, etcd *datastore.Etcd, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	c := &Controllers{options: o, etcd: etcd, client: client, config: config}
	if err := c.writePackaged(); err != nil {
		return err
	}
	// Its own labels are each server's to set, leader or not.
	go c.labelSelf(ctx)
	if !o.HighlyAvailable() {
		go c.lead(ctx)
		return nil
	}
	identity, err := os.Hostname()
	if err != nil {
		return err
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta: meta.ObjectMeta{Name: "k3s", Namespace: system}, Client: client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}
	go func() {
		for ctx.Err() == nil {
			leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
				Lock: lock, ReleaseOnCancel: true, LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
				Callbacks: leaderelection.LeaderCallbacks{
					OnStartedLeading: c.lead,
					OnStoppedLeading: func() { slog.Info("another server runs k3s's controllers now") },
				},
			})
		}
	}()
	return nil
}

func (c *Controllers) lead(ctx context.Context) {
	factory := informers.NewSharedInformerFactory(c.client, 0)
	nodes, services := factory.Core().V1().Nodes(), factory.Core().V1().Services()
	c.nodes, c.svcs = nodes.Lister(), services.Lister()
	onNodes, onServices := make(chan struct{}, 1), make(chan struct{}, 1)
	reconcile.Watch(nodes.Informer(), onNodes, onServices)
	reconcile.Watch(services.Informer(), onServices)
	c.onNodeDeleted(ctx, nodes.Informer())
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go reconcile.Loop(ctx, "manifests", make(chan struct{}), 15*time.Second, c.deploy)
	go reconcile.Loop(ctx, "node hosts", onNodes, reconcile.Resync, c.nodeHosts)
	if c.options.Enabled("servicelb") {
		go reconcile.Loop(ctx, "servicelb", onServices, reconcile.Resync, c.serviceAddresses)
	}
	<-ctx.Done()
}
