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
	storage "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"homelab/k3s/internal/datastore"
	"homelab/k3s/internal/options"
)

const (
	system = "kube-system"
	// resync bounds how long a missed event can matter.
	resync = 30 * time.Second
)

// Controllers are the loops of one server; of several servers one runs them at a time.
type Controllers struct {
	options *options.Options
	etcd    *datastore.Etcd
	client  kubernetes.Interface
	config  *rest.Config
	nodes   core.NodeLister
	claims  core.PersistentVolumeClaimLister
	volumes core.PersistentVolumeLister
	classes storage.StorageClassLister
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
	nodes, claims := factory.Core().V1().Nodes(), factory.Core().V1().PersistentVolumeClaims()
	volumes, services := factory.Core().V1().PersistentVolumes(), factory.Core().V1().Services()
	classes := factory.Storage().V1().StorageClasses()
	c.nodes, c.claims, c.volumes, c.svcs, c.classes = nodes.Lister(), claims.Lister(), volumes.Lister(), services.Lister(), classes.Lister()
	onNodes, onVolumes, onServices := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	watch(nodes.Informer(), onNodes, onServices)
	watch(claims.Informer(), onVolumes)
	watch(volumes.Informer(), onVolumes)
	watch(services.Informer(), onServices)
	classes.Informer()
	c.onNodeDeleted(ctx, nodes.Informer())
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go loop(ctx, "manifests", make(chan struct{}), 15*time.Second, c.deploy)
	go loop(ctx, "node hosts", onNodes, resync, c.nodeHosts)
	if c.options.Enabled("local-storage") {
		go loop(ctx, "local-path", onVolumes, resync, c.localPath)
	}
	if c.options.Enabled("servicelb") {
		go loop(ctx, "servicelb", onServices, resync, c.serviceAddresses)
	}
	<-ctx.Done()
}

// watch pokes the channels at every change; a channel that is poked already stays so.
func watch(informer cache.SharedIndexInformer, channels ...chan struct{}) {
	poke := func() {
		for _, channel := range channels {
			select {
			case channel <- struct{}{}:
			default:
			}
		}
	}
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { poke() }, DeleteFunc: func(any) { poke() }, UpdateFunc: func(any, any) { poke() },
	})
}

// loop reconciles at once, at every change and now and then; a failure is said once and tried again soon.
func loop(ctx context.Context, name string, changed <-chan struct{}, every time.Duration, reconcile func(context.Context) error) {
	said := ""
	for {
		wait := every
		if err := reconcile(ctx); err != nil && ctx.Err() == nil {
			wait = 2 * time.Second
			if err.Error() != said {
				said = err.Error()
				slog.Warn("not done yet, trying again", "controller", name, "error", said)
			}
		} else {
			said = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(wait):
		}
	}
}
