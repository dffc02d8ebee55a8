package localpath

import (
	"testing"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
)

func TestVolumeSource(t *testing.T) {
	for _, c := range []struct{ class, claim, want string }{
		{"", "", "hostPath"},
		{"local", "", "local"},
		{"hostPath", "local", "local"},
		{"local", "hostPath", "hostPath"},
	} {
		class, claim := &storage.StorageClass{}, &core.PersistentVolumeClaim{}
		if c.class != "" {
			class.Annotations = map[string]string{"defaultVolumeType": c.class}
		}
		if c.claim != "" {
			claim.Annotations = map[string]string{"volumeType": c.claim}
		}
		source := volumeSource(class, claim, "/srv/volume")
		if got := map[bool]string{true: "local", false: "hostPath"}[source.Local != nil]; got != c.want {
			t.Errorf("class %q, claim %q: %s", c.class, c.claim, got)
		}
		if path := pathOf(&core.PersistentVolume{Spec: core.PersistentVolumeSpec{PersistentVolumeSource: source}}); path != "/srv/volume" {
			t.Errorf("class %q, claim %q: its folder is %q", c.class, c.claim, path)
		}
	}
}
