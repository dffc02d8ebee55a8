// Package controlplane runs a k3s server: datastore, API server, controllers, scheduler and the supervisor endpoint.
package controlplane

import (
	"fmt"
	"path/filepath"
	"strconv"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/datastore"
	"homelab/k3s/internal/options"
)

// APIServerPort is where the API server itself listens; the port that k3s is known by is the supervisor's.
const APIServerPort = 6444

func apiServerArguments(o *options.Options, files credentials.ServerFiles, etcd *datastore.Etcd) []string {
	flags := etcd.APIServerFlags()
	for name, value := range map[string]string{
		"bind-address": "0.0.0.0", "secure-port": strconv.Itoa(APIServerPort), "advertise-address": o.AdvertiseAddress,
		"service-cluster-ip-range": o.ServiceCIDR, "service-node-port-range": o.NodePortRange, "allow-privileged": "true",
		"authorization-mode": "Node,RBAC", "enable-admission-plugins": "NodeRestriction", "anonymous-auth": "false",
		"api-audiences":  "https://kubernetes.default.svc." + o.ClusterDomain + ",k3s",
		"client-ca-file": files.Path("client-ca.crt"),
		"tls-cert-file":  files.Path("serving-kube-apiserver.crt"), "tls-private-key-file": files.Path("serving-kube-apiserver.key"),
		"kubelet-certificate-authority": files.Path("server-ca.crt"),
		"kubelet-client-certificate":    files.Path("client-kube-apiserver.crt"), "kubelet-client-key": files.Path("client-kube-apiserver.key"),
		"kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
		"service-account-issuer":          "https://kubernetes.default.svc." + o.ClusterDomain,
		"service-account-key-file":        files.Path("service.key"), "service-account-signing-key-file": files.Path("service.key"),
		"requestheader-client-ca-file": files.Path("request-header-ca.crt"), "requestheader-allowed-names": "system:auth-proxy",
		"requestheader-extra-headers-prefix": "X-Remote-Extra-", "requestheader-group-headers": "X-Remote-Group", "requestheader-username-headers": "X-Remote-User",
		"proxy-client-cert-file": files.Path("client-auth-proxy.crt"), "proxy-client-key-file": files.Path("client-auth-proxy.key"),
		// Debian's etcd 3.4 has no watch progress, without which this feature only waits and complains.
		"feature-gates":               "SizeBasedListCostEstimate=false",
		"enable-bootstrap-token-auth": "true", "profiling": "false", "v": verbosity(o),
	} {
		flags[name] = value
	}
	if o.SecretsEncrypted {
		flags["encryption-provider-config"] = encryptionFile(o)
		flags["encryption-provider-config-automatic-reload"] = "true"
	}
	return options.Arguments(flags, o.APIServerArgs)
}

func controllerManagerArguments(o *options.Options, files credentials.ServerFiles) []string {
	kubeconfig := files.Path("../cred/controller.kubeconfig")
	return options.Arguments(map[string]string{
		"kubeconfig": kubeconfig, "authentication-kubeconfig": kubeconfig, "authorization-kubeconfig": kubeconfig,
		"bind-address": "127.0.0.1", "secure-port": "10257", "leader-elect": strconv.FormatBool(o.HighlyAvailable()),
		"allocate-node-cidrs": "true", "cluster-cidr": o.ClusterCIDR, "service-cluster-ip-range": o.ServiceCIDR,
		"use-service-account-credentials": "true", "service-account-private-key-file": files.Path("service.key"),
		"root-ca-file":              files.Path("server-ca.crt"),
		"cluster-signing-cert-file": files.Path(credentials.SigningClientCA), "cluster-signing-key-file": files.Path("client-ca.key"),
		"controllers": "*,tokencleaner", "profiling": "false", "v": verbosity(o),
	}, o.ControllerManagerArgs)
}

func schedulerArguments(o *options.Options, files credentials.ServerFiles) []string {
	kubeconfig := files.Path("../cred/scheduler.kubeconfig")
	return options.Arguments(map[string]string{
		"kubeconfig": kubeconfig, "authentication-kubeconfig": kubeconfig, "authorization-kubeconfig": kubeconfig,
		"bind-address": "127.0.0.1", "secure-port": "10259", "leader-elect": strconv.FormatBool(o.HighlyAvailable()),
		"profiling": "false", "v": verbosity(o),
	}, o.SchedulerArgs)
}

func verbosity(o *options.Options) string {
	if o.Debug && o.V < 4 {
		return "4"
	}
	return strconv.Itoa(o.V)
}

func encryptionFile(o *options.Options) string {
	return filepath.Join(o.DataDir, "server/cred/encryption-config.json")
}

func apiServerURL() string { return fmt.Sprintf("https://127.0.0.1:%d", APIServerPort) }
