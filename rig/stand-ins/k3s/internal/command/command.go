// Package command is k3s's command line.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"google.golang.org/grpc/grpclog"
	"k8s.io/component-base/version"

	"homelab/k3s/internal/addons"
	"homelab/k3s/internal/controlplane"
	"homelab/k3s/internal/node"
	"homelab/k3s/internal/options"
	"homelab/k3s/internal/process"
)

type subcommand struct {
	name, about string
	run         func([]string) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"server", "Run a server: control plane and node", server},
		{"agent", "Run a node", agent},
		{"kubectl", "Run kubectl with the cluster's kubeconfig", nil},
		{"crictl", "List pods, containers and images of this node", crictl},
		{"ctr", "Run containerd's ctr against k3s's containerd", ctr},
		{"check-config", "Check what this machine needs to run k3s", checkConfig},
		{"etcd-snapshot", "Save, list, delete and prune etcd snapshots", etcdSnapshot},
		{"token", "Rotate the server token, generate one", token},
		{"certificate", "Check and rotate this machine's certificates, rotate the cluster's authorities", certificate},
		{"secrets-encrypt", "Not in the stand-in", secretsEncrypt},
		{"completion", "Not in the stand-in", func([]string) error { return fmt.Errorf("the k3s stand-in has no shell completion") }},
	}
}

// Run does what the arguments after "k3s" say.
func Run(arguments []string) error {
	// The datastore's client reports every attempt to connect while etcd starts, and every one that is given up.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	if len(arguments) == 0 || arguments[0] == "help" || arguments[0] == "--help" || arguments[0] == "-h" {
		help()
		return nil
	}
	switch arguments[0] {
	case "--version", "-v", "version":
		fmt.Println(Version())
		fmt.Printf("go version %s\n", runtime.Version())
		return nil
	}
	for _, known := range subcommands() {
		if known.name == arguments[0] && known.run != nil {
			return known.run(arguments[1:])
		}
	}
	return fmt.Errorf("no command %q; see k3s --help", arguments[0])
}

// Version says what this is, plainly.
func Version() string {
	git := version.Get().GitVersion
	return fmt.Sprintf("k3s version %s (stand-in: upstream Kubernetes %s)", git, upstream(git))
}

func upstream(git string) string {
	for i, char := range git {
		if char == '+' {
			return git[:i]
		}
	}
	return git
}

func help() {
	fmt.Printf("%s\n\nUsage: k3s <command> [settings]\n\n", Version())
	for _, known := range subcommands() {
		fmt.Printf("  %-16s %s\n", known.name, known.about)
	}
	fmt.Println("\nSettings of server and agent are those of k3s, also in /etc/rancher/k3s/config.yaml;\none that the stand-in does not support is refused at start with the reason.")
}

func server(arguments []string) error {
	o, err := begin(options.Server, arguments)
	if err != nil {
		return err
	}
	if o.ClusterReset {
		return clusterReset(o)
	}
	return untilSignal(func(ctx context.Context, group *process.Group) error {
		control, err := controlplane.Start(ctx, o, group)
		if err != nil {
			return err
		}
		if err := addons.Run(ctx, o, control.Etcd, control.Admin); err != nil {
			return err
		}
		control.StartSnapshots(ctx)
		serverToken, _ := control.Tokens()
		return node.Start(ctx, o, node.Join{
			Supervisor: fmt.Sprintf("https://127.0.0.1:%d", o.HTTPSPort), Token: serverToken,
			APIServer: fmt.Sprintf("https://127.0.0.1:%d", controlplane.APIServerPort),
		}, group)
	})
}

func agent(arguments []string) error {
	o, err := begin(options.Agent, arguments)
	if err != nil {
		return err
	}
	return untilSignal(func(ctx context.Context, group *process.Group) error {
		return node.Start(ctx, o, node.Join{Supervisor: o.Server, Token: o.Token}, group)
	})
}

func begin(role options.Role, arguments []string) (*options.Options, error) {
	for _, argument := range arguments {
		if argument == "--help" || argument == "-h" {
			options.Help(os.Stdout, role)
			os.Exit(0)
		}
	}
	o, err := options.Load(role, arguments)
	if err != nil {
		return nil, err
	}
	level := slog.LevelInfo
	if o.Debug {
		level = slog.LevelDebug
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	slog.Info("Starting " + Version())
	for _, note := range o.Notes {
		slog.Info(note)
	}
	return o, nil
}

// untilSignal starts everything, tells systemd when it is ready, and stops everything at SIGTERM or SIGINT.
func untilSignal(start func(context.Context, *process.Group) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	group := &process.Group{}
	defer group.Stop()
	if err := start(ctx, group); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		slog.Warn("systemd could not be told that k3s is ready", "error", err.Error())
	}
	slog.Info("k3s is up and running")
	<-ctx.Done()
	slog.Info("stopping")
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	return nil
}

// UseClusterKubeconfig lets kubectl find the cluster without a setting, as `k3s kubectl` does.
func UseClusterKubeconfig() {
	if os.Getenv("KUBECONFIG") == "" {
		os.Setenv("KUBECONFIG", "/etc/rancher/k3s/k3s.yaml")
	}
}

func ctr(arguments []string) error {
	path, err := exec.LookPath("ctr")
	if err != nil {
		return errors.New("the machine has no ctr: install Debian's containerd")
	}
	environment := append(os.Environ(), "CONTAINERD_ADDRESS="+node.ContainerdSocket)
	if os.Getenv("CONTAINERD_NAMESPACE") == "" {
		environment = append(environment, "CONTAINERD_NAMESPACE=k8s.io")
	}
	return syscall.Exec(path, append([]string{"ctr"}, arguments...), environment)
}

func secretsEncrypt([]string) error {
	return errors.New("the k3s stand-in encrypts secrets at rest when secrets-encryption is set, but has no key rotation: secrets-encrypt is not supported")
}
