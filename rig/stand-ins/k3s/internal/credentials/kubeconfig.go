package credentials

import (
	"os"

	"k8s.io/client-go/tools/clientcmd"
	api "k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig renders one with the certificate and key at path (without suffix) inside it, under k3s's names ("default").
func Kubeconfig(server, caFile, path string) ([]byte, error) {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	certificate, err := os.ReadFile(path + ".crt")
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(path + ".key")
	if err != nil {
		return nil, err
	}
	config := api.NewConfig()
	config.Clusters["default"] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos["default"] = &api.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	config.Contexts["default"] = &api.Context{Cluster: "default", AuthInfo: "default"}
	config.CurrentContext = "default"
	return clientcmd.Write(*config)
}

// WriteKubeconfig renders a kubeconfig into a file of mode 0600.
func WriteKubeconfig(file, server, caFile, path string) error {
	content, err := Kubeconfig(server, caFile, path)
	if err != nil {
		return err
	}
	return WriteFile(file, content, 0o600)
}
