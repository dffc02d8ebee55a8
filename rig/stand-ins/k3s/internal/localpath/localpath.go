// Package localpath provisions local volumes, as Rancher's local-path-provisioner does for k3s.
package localpath

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"

	"homelab/k3s/internal/reconcile"
)

const (
	provisioner            = "rancher.io/local-path"
	selectedNodeAnnotation = "volume.kubernetes.io/selected-node"
	provisionedAnnotation  = "pv.kubernetes.io/provisioned-by"
	hostnameLabel          = "kubernetes.io/hostname"
	system                 = "kube-system"
)

// Provisioner works on the claims of its storage class.
type Provisioner struct {
	client kubernetes.Interface
	// folder holds the volumes on every node; helperImage makes and removes their folders there.
	folder, helperImage string
	nodes               corelisters.NodeLister
	claims              corelisters.PersistentVolumeClaimLister
	volumes             corelisters.PersistentVolumeLister
	classes             storagelisters.StorageClassLister
}

// Run works until the context ends.
func Run(ctx context.Context, client kubernetes.Interface, folder, helperImage string) {
	factory := informers.NewSharedInformerFactory(client, 0)
	claims, volumes := factory.Core().V1().PersistentVolumeClaims(), factory.Core().V1().PersistentVolumes()
	nodes, classes := factory.Core().V1().Nodes(), factory.Storage().V1().StorageClasses()
	p := &Provisioner{
		client: client, folder: folder, helperImage: helperImage,
		nodes: nodes.Lister(), claims: claims.Lister(), volumes: volumes.Lister(), classes: classes.Lister(),
	}
	changed := make(chan struct{}, 1)
	reconcile.Watch(claims.Informer(), changed)
	reconcile.Watch(volumes.Informer(), changed)
	nodes.Informer()
	classes.Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	reconcile.Loop(ctx, "local-path", changed, reconcile.Resync, p.pass)
}

// pass provisions claims of its storage class where their pod was scheduled, and removes released volumes. Folders
// are made and removed by short-lived pods on the node, as Rancher's local-path-provisioner does it.
func (p *Provisioner) pass(ctx context.Context) error {
	claims, err := p.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	var failures []error
	for _, claim := range claims {
		if claim.Status.Phase == core.ClaimPending && claim.Spec.VolumeName == "" && claim.DeletionTimestamp == nil {
			failures = append(failures, p.provision(ctx, claim))
		}
	}
	volumes, err := p.volumes.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, volume := range volumes {
		if volume.Annotations[provisionedAnnotation] == provisioner && volume.Status.Phase == core.VolumeReleased &&
			volume.Spec.PersistentVolumeReclaimPolicy == core.PersistentVolumeReclaimDelete {
			failures = append(failures, p.release(ctx, volume))
		}
	}
	return errors.Join(failures...)
}

func (p *Provisioner) provision(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	if claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := p.classes.Get(*claim.Spec.StorageClassName)
	if err != nil || class.Provisioner != provisioner {
		return nil
	}
	nodeName := claim.Annotations[selectedNodeAnnotation]
	if nodeName == "" {
		return nil // waits for its first consumer
	}
	node, err := p.nodes.Get(nodeName)
	if err != nil {
		return err
	}
	name := "pvc-" + string(claim.UID)
	// The claim as it was seen may be older than the volume that was made for it.
	if _, err := p.client.CoreV1().PersistentVolumes().Get(ctx, name, meta.GetOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	path := filepath.Join(p.folder, fmt.Sprintf("%s_%s_%s", name, claim.Namespace, claim.Name))
	done, err := p.helper(ctx, "helper-pod-create-"+name, nodeName, path, `mkdir -m 0777 -p "$VOLUME"`)
	if err != nil || !done {
		return err
	}
	policy := core.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	mode := core.PersistentVolumeFilesystem
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{provisionedAnnotation: provisioner}},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: policy, StorageClassName: class.Name, VolumeMode: &mode, AccessModes: claim.Spec.AccessModes,
			Capacity:               core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeSource: volumeSource(class, claim, path),
			ClaimRef: &core.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion,
			},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{Key: hostnameLabel, Operator: core.NodeSelectorOpIn, Values: []string{hostname(node)}}},
			}}}},
		},
	}, meta.CreateOptions{})
	if err == nil {
		slog.Info("provisioned a local volume", "volume", name, "node", nodeName, "path", path)
	}
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// volumeSource is a hostPath unless the claim or its class says local. Only a local volume gets the pod's fsGroup, and only of such a one
// does the kubelet count what it holds.
func volumeSource(class *storage.StorageClass, claim *core.PersistentVolumeClaim, path string) core.PersistentVolumeSource {
	kind := claim.Annotations["volumeType"]
	if kind == "" {
		kind = class.Annotations["defaultVolumeType"]
	}
	if kind == "local" {
		return core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}}
	}
	create := core.HostPathDirectoryOrCreate
	return core.PersistentVolumeSource{HostPath: &core.HostPathVolumeSource{Path: path, Type: &create}}
}

// pathOf is where a volume of either kind lies, "" for any other.
func pathOf(volume *core.PersistentVolume) string {
	switch {
	case volume.Spec.Local != nil:
		return volume.Spec.Local.Path
	case volume.Spec.HostPath != nil:
		return volume.Spec.HostPath.Path
	}
	return ""
}

func (p *Provisioner) release(ctx context.Context, volume *core.PersistentVolume) error {
	if _, err := p.client.CoreV1().PersistentVolumes().Get(ctx, volume.Name, meta.GetOptions{}); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	nodeName := volumeNode(volume)
	if path := pathOf(volume); path != "" && nodeName != "" {
		if _, err := p.nodes.Get(nodeName); err == nil {
			done, err := p.helper(ctx, "helper-pod-delete-"+volume.Name, nodeName, path, `rm -rf "$VOLUME"`)
			if err != nil || !done {
				return err
			}
		} else if !apierrors.IsNotFound(err) {
			return err
		}
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func volumeNode(volume *core.PersistentVolume) string {
	if volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
		return ""
	}
	for _, term := range volume.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, expression := range term.MatchExpressions {
			if expression.Key == hostnameLabel && len(expression.Values) == 1 {
				return expression.Values[0]
			}
		}
	}
	return ""
}

// helper runs a shell command in a pod on the node and says whether it has ended well; a pod that failed is removed and
// its output told.
func (p *Provisioner) helper(ctx context.Context, name, node, volume, command string) (bool, error) {
	pods := p.client.CoreV1().Pods(system)
	parent := filepath.Dir(volume)
	kind := core.HostPathDirectoryOrCreate
	_, err := pods.Create(ctx, &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: name, Namespace: system, Labels: map[string]string{"app": "local-path-helper"}},
		Spec: core.PodSpec{
			NodeName: node, RestartPolicy: core.RestartPolicyNever, Tolerations: []core.Toleration{{Operator: core.TolerationOpExists}},
			Volumes: []core.Volume{{Name: "data", VolumeSource: core.VolumeSource{HostPath: &core.HostPathVolumeSource{Path: parent, Type: &kind}}}},
			Containers: []core.Container{{
				Name: "helper", Image: p.helperImage, ImagePullPolicy: core.PullIfNotPresent,
				Command: []string{"/bin/sh", "-c", command}, Env: []core.EnvVar{{Name: "VOLUME", Value: volume}},
				VolumeMounts: []core.VolumeMount{{Name: "data", MountPath: parent}},
			}},
		},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return false, err
	}
	for range 60 {
		pod, err := pods.Get(ctx, name, meta.GetOptions{})
		if err != nil {
			return false, err
		}
		switch pod.Status.Phase {
		case core.PodSucceeded:
			return true, deletePod(ctx, pods.Delete, name)
		case core.PodFailed:
			output, _ := pods.GetLogs(name, &core.PodLogOptions{}).DoRaw(ctx)
			return false, errors.Join(fmt.Errorf("%s on %s: %s %s", name, node, pod.Status.Message, strings.TrimSpace(string(output))), deletePod(ctx, pods.Delete, name))
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return false, fmt.Errorf("%s on %s has not ended yet", name, node)
}

func deletePod(ctx context.Context, remove func(context.Context, string, meta.DeleteOptions) error, name string) error {
	now := int64(0)
	if err := remove(ctx, name, meta.DeleteOptions{GracePeriodSeconds: &now}); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

func hostname(node *core.Node) string {
	if name := node.Labels[hostnameLabel]; name != "" {
		return name
	}
	return node.Name
}
