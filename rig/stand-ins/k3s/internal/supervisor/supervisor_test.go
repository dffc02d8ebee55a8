package supervisor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	core "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/options"
)

// secrets is as much of an API server as node passwords need. (client-go's fake costs half a minute of compiling.)
func secrets(t *testing.T) kubernetes.Interface {
	t.Helper()
	var mutex sync.Mutex
	kept := map[string]*core.Secret{}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		w.Header().Set("Content-Type", "application/json")
		const list = "/api/v1/namespaces/kube-system/secrets"
		if r.Method == http.MethodPost && r.URL.Path == list {
			secret := &core.Secret{}
			if err := json.NewDecoder(r.Body).Decode(secret); err != nil {
				t.Error(err)
			}
			kept[secret.Name] = secret
			_ = json.NewEncoder(w).Encode(secret)
			return
		}
		if secret, ok := kept[strings.TrimPrefix(r.URL.Path, list+"/")]; ok && r.Method == http.MethodGet {
			_ = json.NewEncoder(w).Encode(secret)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
	}))
	t.Cleanup(api.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: api.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// cluster is a supervisor with real files, a small API server and tokens of its own.
func cluster(t *testing.T) (*httptest.Server, *Server) {
	t.Helper()
	o := &options.Options{DataDir: t.TempDir(), NodeName: "n1", NodeIP: "192.168.200.11", AdvertiseAddress: "192.168.200.11", ServiceCIDR: "10.43.0.0/16", ClusterDomain: "cluster.local"}
	files := credentials.Files(o.DataDir)
	if err := files.EnsureServer(o, "https://127.0.0.1:6444"); err != nil {
		t.Fatal(err)
	}
	s := &Server{
		Options: o, Files: files, Config: NodeConfig{ClusterCIDR: "10.42.0.0/16"}, Kubernetes: secrets(t),
		ServerToken: func() string { return "for-servers" }, AgentToken: func() string { return "for-agents" },
		Ready: func() bool { return true }, Rotate: func(context.Context, string) error { return nil },
	}
	// What the test server shows is not signed by the cluster's authority, so requests go straight to the handler.
	server := httptest.NewServer(s.routes(http.NotFoundHandler()))
	t.Cleanup(server.Close)
	return server, s
}

func ask(t *testing.T, server *httptest.Server, method, path, user, password string, header http.Header, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text := make([]byte, 1<<16)
	n, _ := response.Body.Read(text)
	return response.StatusCode, string(text[:n])
}

func TestWhoMayAskForWhat(t *testing.T) {
	server, _ := cluster(t)
	for _, c := range []struct {
		method, path, user, password string
		want                         int
	}{
		{"GET", PathPing, "", "", 200},
		{"GET", PathCACerts, "", "", 200},
		{"GET", PathConfig, "", "", 401},
		{"GET", PathConfig, "node", "wrong", 401},
		{"GET", PathConfig, "node", "for-agents", 200},
		{"GET", PathConfig, "server", "for-servers", 200},
		{"GET", PathConfig, "node", "for-servers", 200},
		{"GET", PathBootstrap, "server", "for-agents", 401},
		{"GET", PathBootstrap, "node", "for-servers", 401},
		// Its datastore is its own: nobody can join it.
		{"GET", PathBootstrap, "server", "for-servers", 503},
		{"PUT", PathToken, "node", "for-agents", 401},
	} {
		if status, text := ask(t, server, c.method, c.path, c.user, c.password, nil, ""); status != c.want {
			t.Errorf("%s %s as %s:%s answered %d (%s), want %d", c.method, c.path, c.user, c.password, status, text, c.want)
		}
	}
}

func TestNodePasswords(t *testing.T) {
	server, _ := cluster(t)
	key, err := credentials.EnsureKey(t.TempDir() + "/node.key")
	if err != nil {
		t.Fatal(err)
	}
	request, err := credentials.Request(key)
	if err != nil {
		t.Fatal(err)
	}
	join := func(name, password string) (int, string) {
		header := http.Header{}
		header.Set(HeaderNodeName, name)
		header.Set(HeaderNodePassword, password)
		header.Set(HeaderNodeIP, "192.168.200.12")
		return ask(t, server, "POST", PathKubeletClient, "node", "for-agents", header, string(request))
	}
	if status, text := join("n2", "first"); status != 200 || !strings.Contains(text, "BEGIN CERTIFICATE") {
		t.Fatalf("a new node: %d %s", status, text)
	}
	if status, _ := join("n2", "first"); status != 200 {
		t.Errorf("the same node again: %d", status)
	}
	if status, text := join("n2", "reinstalled"); status != 403 || !strings.Contains(text, "hash does not match") {
		t.Errorf("another machine of that name: %d %s", status, text)
	}
	if status, _ := join("n3", ""); status != 400 {
		t.Errorf("no password: %d", status)
	}
}

func TestDifferencesOfCriticalSettings(t *testing.T) {
	a := NodeConfig{ClusterCIDR: "10.42.0.0/16", FlannelBackend: "vxlan", SecretsEncrypted: true}
	b := NodeConfig{ClusterCIDR: "10.52.0.0/16", FlannelBackend: "vxlan", Version: "v1.34.1+k3s2"}
	if got := strings.Join(a.Differences(b), " "); got != "cluster-cidr secrets-encryption" {
		t.Error(got)
	}
}
