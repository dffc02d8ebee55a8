package addons

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	provisioner            = "rancher.io/local-path"
	selectedNodeAnnotation = "volume.kubernetes.io/selected-node"
	provisionedAnnotation  = "pv.kubernetes.io/provisioned-by"
	hostnameLabel          = "kubernetes.io/hostname"
	// helperImage makes and removes the volumes' folders on their nodes; it is in the air-gap archive.
	helperImage = "homelab.internal/busybox:1.35.0"
)

// localPath provisions claims of its storage class where their pod was scheduled, and removes released volumes. Folders
// are made and removed by short-lived pods on the node, as Rancher's local-path-provisioner does it.
func (c *Controllers) localPath(ctx context.Context) error {
	claims, err := c.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	var failures []error
	for _, claim := range claims {
		if claim.Status.Phase == core.ClaimPending && claim.Spec.VolumeName == "" && claim.DeletionTimestamp == nil {
			failures = append(failures, c.provision(ctx, claim))
		}
	}
	volumes, err := c.volumes.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, volume := range volumes {
		if volume.Annotations[provisionedAnnotation] == provisioner && volume.Status.Phase == core.VolumeReleased &&
			volume.Spec.PersistentVolumeReclaimPolicy == core.PersistentVolumeReclaimDelete {
			failures = append(failures, c.release(ctx, volume))
		}
	}
	return errors.Join(failures...)
}

func (c *Controllers) provision(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	if claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := c.classes.Get(*claim.Spec.StorageClassName)
	if err != nil || class.Provisioner != provisioner {
		return nil
	}
	nodeName := claim.Annotations[selectedNodeAnnotation]
	if nodeName == "" {
		return nil // waits for its first consumer
	}
	node, err := c.nodes.Get(nodeName)
	if err != nil {
		return err
	}
	name := "pvc-" + string(claim.UID)
	// The claim as it was seen may be older than the volume that was made for it.
	if _, err := c.client.CoreV1().PersistentVolumes().Get(ctx, name, meta.GetOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	path := filepath.Join(c.options.LocalStoragePath, fmt.Sprintf("%s_%s_%s", name, claim.Namespace, claim.Name))
	done, err := c.helper(ctx, "helper-pod-create-"+name, nodeName, path, `mkdir -m 0777 -p "$VOLUME"`)
	if err != nil || !done {
		return err
	}
	policy := core.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	mode := core.PersistentVolumeFilesystem
	kind := core.HostPathDirectoryOrCreate
	_, err = c.client.CoreV1().PersistentVolumes().Create(ctx, &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{provisionedAnnotation: provisioner}},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: policy, StorageClassName: class.Name, VolumeMode: &mode, AccessModes: claim.Spec.AccessModes,
			Capacity:               core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeSource: core.PersistentVolumeSource{HostPath: &core.HostPathVolumeSource{Path: path, Type: &kind}},
			ClaimRef: &core.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion,
			},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{Key: hostnameLabel, Operator: core.NodeSelectorOpIn, Values: []string{or(node.Labels[hostnameLabel], nodeName)}}},
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

func (c *Controllers) release(ctx context.Context, volume *core.PersistentVolume) error {
	if _, err := c.client.CoreV1().PersistentVolumes().Get(ctx, volume.Name, meta.GetOptions{}); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	nodeName := volumeNode(volume)
	if volume.Spec.HostPath != nil && nodeName != "" {
		if _, err := c.nodes.Get(nodeName); err == nil {
			done, err := c.helper(ctx, "helper-pod-delete-"+volume.Name, nodeName, volume.Spec.HostPath.Path, `rm -rf "$VOLUME"`)
			if err != nil || !done {
				return err
			}
		} else if !apierrors.IsNotFound(err) {
			return err
		}
	}
	err := c.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{})
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
func (c *Controllers) helper(ctx context.Context, name, node, volume, command string) (bool, error) {
	pods := c.client.CoreV1().Pods(system)
	parent := filepath.Dir(volume)
	kind := core.HostPathDirectoryOrCreate
	_, err := pods.Create(ctx, &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: name, Namespace: system, Labels: map[string]string{"app": "local-path-helper"}},
		Spec: core.PodSpec{
			NodeName: node, RestartPolicy: core.RestartPolicyNever, Tolerations: []core.Toleration{{Operator: core.TolerationOpExists}},
			Volumes: []core.Volume{{Name: "data", VolumeSource: core.VolumeSource{HostPath: &core.HostPathVolumeSource{Path: parent, Type: &kind}}}},
			Containers: []core.Container{{
				Name: "helper", Image: helperImage, ImagePullPolicy: core.PullIfNotPresent,
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
