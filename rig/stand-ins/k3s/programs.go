package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// programs are upstream's, unchanged, each returning its exit code.
var programs = map[string]func() int{
	"kube-apiserver":          upstream(func() *cobra.Command { return apiserver.NewAPIServerCommand() }),
	"kube-controller-manager": upstream(controllers.NewControllerManagerCommand),
	"kube-scheduler":          upstream(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubelet":                 upstream(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
	"kube-proxy":              upstream(proxy.NewProxyCommand),
	"kubectl": func() int {
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			// Prints what the caller should see and exits with the code the error carries (kubectl diff, exec).
			util.CheckErr(err)
			return 1
		}
		return 0
	},
}

func upstream(command func() *cobra.Command) func() int {
	return func() int {
		if len(os.Args) > 1 && os.Args[1] == "--help" {
			fmt.Printf("%s of upstream Kubernetes, inside the k3s stand-in\n\n", os.Args[0])
		}
		return cli.Run(command())
	}
}
