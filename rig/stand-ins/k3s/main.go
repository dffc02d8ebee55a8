// Stand-in for the k3s executable: upstream Kubernetes of the same version behind k3s's command line, files and services.
//
// One binary under many names, as k3s itself: called as kube-apiserver, kubelet and so on it is that program.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"homelab/k3s/internal/command"
)

func main() {
	if run, ok := programs[filepath.Base(os.Args[0])]; ok {
		os.Exit(run())
	}
	if len(os.Args) > 1 {
		if run, ok := programs[os.Args[1]]; ok {
			os.Args = os.Args[1:]
			if os.Args[0] == "kubectl" {
				command.UseClusterKubeconfig()
			}
			os.Exit(run())
		}
	}
	if err := command.Run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "level=fatal msg=%q\n", err.Error())
		os.Exit(1)
	}
}
