package addons

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"homelab/k3s/internal/credentials"
)

//go:embed manifests/*.yaml
var packaged embed.FS

// absent are packaged components of k3s that the stand-in does not have.
var absent = map[string]string{
	"metrics-server": "no metrics API: kubectl top does not work",
}

// applied remembers the hash of each file's last content, so that files are applied when they change.
var applied = map[string][sha256.Size]byte{}

func (c *Controllers) manifestDir() string {
	return filepath.Join(c.options.DataDir, "server/manifests")
}

// writePackaged puts the packaged manifests where k3s puts them; those that are disabled are taken away.
func (c *Controllers) writePackaged() error {
	for item, consequence := range absent {
		if c.options.Enabled(item) {
			slog.Info("packaged component is not in the stand-in", "component", item, "consequence", consequence)
		}
	}
	entries, err := packaged.ReadDir("manifests")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(c.manifestDir(), entry.Name())
		if !c.wanted(entry.Name()) {
			_ = os.Remove(path)
			continue
		}
		content, err := c.rendered(entry.Name())
		if err != nil {
			return err
		}
		if err := credentials.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *Controllers) wanted(file string) bool {
	return c.options.Enabled(strings.TrimSuffix(file, ".yaml"))
}

func (c *Controllers) rendered(file string) ([]byte, error) {
	content, err := packaged.ReadFile("manifests/" + file)
	if err != nil {
		return nil, err
	}
	text := strings.NewReplacer("%{CLUSTER_DNS}%", c.options.ClusterDNS, "%{CLUSTER_DOMAIN}%", c.options.ClusterDomain, "%{LOCAL_STORAGE_PATH}%", c.options.LocalStoragePath).Replace(string(content))
	return []byte(text), nil
}

// deploy applies what lies in the manifests folder and removes the objects of disabled components.
func (c *Controllers) deploy(ctx context.Context) error {
	entries, err := packaged.ReadDir("manifests")
	if err != nil {
		return err
	}
	var failures []error
	for _, entry := range entries {
		if !c.wanted(entry.Name()) {
			content, err := c.rendered(entry.Name())
			if err != nil {
				return err
			}
			failures = append(failures, c.eachObject(ctx, "-"+entry.Name(), content, removeObject))
		}
	}
	files, err := filepath.Glob(filepath.Join(c.manifestDir(), "*"))
	if err != nil {
		return err
	}
	sort.Strings(files)
	for _, file := range files {
		if !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file)) {
			continue
		}
		if _, err := os.Stat(file + ".skip"); err == nil {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		failures = append(failures, c.eachObject(ctx, file, content, applyObject))
	}
	return errors.Join(failures...)
}

type objectAction func(context.Context, dynamic.ResourceInterface, *unstructured.Unstructured) error

func (c *Controllers) eachObject(ctx context.Context, file string, content []byte, do objectAction) error {
	hash := sha256.Sum256(content)
	if applied[file] == hash {
		return nil
	}
	client, err := dynamic.NewForConfig(c.config)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.client.Discovery()))
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if len(object.Object) == 0 {
			continue
		}
		kind := object.GroupVersionKind()
		if kind.Group == "helm.cattle.io" {
			slog.Warn("the stand-in has no Helm controller, object is not applied", "file", file, "kind", kind.Kind, "name", object.GetName())
			continue
		}
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		resource := dynamic.ResourceInterface(client.Resource(mapping.Resource))
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			resource = client.Resource(mapping.Resource).Namespace(or(object.GetNamespace(), "default"))
		}
		if err := do(ctx, resource, object); err != nil {
			return fmt.Errorf("%s: %s %s: %w", file, kind.Kind, object.GetName(), err)
		}
	}
	applied[file] = hash
	return nil
}

func applyObject(ctx context.Context, resource dynamic.ResourceInterface, object *unstructured.Unstructured) error {
	_, err := resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "deploy@k3s", Force: true})
	return err
}

func removeObject(ctx context.Context, resource dynamic.ResourceInterface, object *unstructured.Unstructured) error {
	if err := resource.Delete(ctx, object.GetName(), metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
