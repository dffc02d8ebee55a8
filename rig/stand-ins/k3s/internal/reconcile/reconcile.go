// Package reconcile runs a controller as one loop over everything it is responsible for.
package reconcile

import (
	"context"
	"log/slog"
	"time"

	"k8s.io/client-go/tools/cache"
)

// Resync bounds how long a missed event can matter.
const Resync = 30 * time.Second

// Watch pokes the channels at every change; a channel that is poked already stays so.
func Watch(informer cache.SharedIndexInformer, channels ...chan struct{}) {
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

// Loop reconciles at once, at every change and now and then; a failure is said once and tried again soon.
func Loop(ctx context.Context, name string, changed <-chan struct{}, every time.Duration, reconcile func(context.Context) error) {
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
