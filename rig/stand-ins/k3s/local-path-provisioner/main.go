// Stand-in for Rancher's local-path-provisioner, in the one way k3s uses it.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"homelab/k3s/internal/localpath"
)

func main() {
	folder, image := os.Getenv("VOLUMES_FOLDER"), os.Getenv("HELPER_IMAGE")
	if folder == "" || image == "" {
		fail("VOLUMES_FOLDER and HELPER_IMAGE must be set")
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		fail(err.Error())
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		fail(err.Error())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	localpath.Run(ctx, client, folder, image)
}

func fail(text string) {
	slog.Error(text)
	os.Exit(1)
}
