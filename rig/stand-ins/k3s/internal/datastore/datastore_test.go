package datastore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"homelab/k3s/internal/options"
)

func TestBootstrapNeedsItsToken(t *testing.T) {
	sealed, err := seal([]byte("keys"), "right")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sealed), "keys") {
		t.Error("not encrypted")
	}
	if plain, err := unseal(sealed, "right"); err != nil || string(plain) != "keys" {
		t.Errorf("%s %v", plain, err)
	}
	if _, err := unseal(sealed, "wrong"); err == nil {
		t.Error("opened with another token")
	}
	if _, err := unseal([]byte("short"), "right"); err == nil {
		t.Error("opened a fragment")
	}
	if bootstrapKey("a") == bootstrapKey("b") {
		t.Error("two tokens have one key")
	}
}

func TestInitialClusterNamesTheNewMember(t *testing.T) {
	members := []*etcdserverpb.Member{
		{ID: 1, Name: "n1-a", PeerURLs: []string{"https://192.168.200.11:2380"}},
		{ID: 2, PeerURLs: []string{"https://192.168.200.12:2380"}},
	}
	if got := initialCluster(members, 2, "n2-b"); got != "n1-a=https://192.168.200.11:2380,n2-b=https://192.168.200.12:2380" {
		t.Error(got)
	}
}

func TestPruneKeepsTheNewestOfOneName(t *testing.T) {
	o := &options.Options{SnapshotDir: t.TempDir(), NodeName: "n1"}
	for i, name := range []string{"daily-n1-1", "daily-n1-2", "daily-n1-3", "on-demand-n1-1", "daily-n2-1"} {
		path := filepath.Join(o.SnapshotDir, name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		made := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(path, made, made); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := Prune(o, "daily", 2)
	if err != nil || len(removed) != 1 || removed[0].Name != "daily-n1-1" {
		t.Fatalf("%v %v", removed, err)
	}
	left, err := Snapshots(o)
	if err != nil || len(left) != 4 {
		t.Errorf("%v %v", left, err)
	}
}

func TestCompressedSnapshotsComeBack(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "snapshot.part")
	content := strings.Repeat("data ", 10000)
	if err := os.WriteFile(from, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := compress(from, filepath.Join(dir, "snapshot.zip"), "snapshot"); err != nil {
		t.Fatal(err)
	}
	path, err := decompress(filepath.Join(dir, "snapshot.zip"), dir)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := os.ReadFile(path); err != nil || string(back) != content {
		t.Error(fmt.Sprint(len(back)), err)
	}
}
