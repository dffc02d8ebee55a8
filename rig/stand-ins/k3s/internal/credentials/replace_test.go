package credentials

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homelab/k3s/internal/options"
)

func serverFiles(t *testing.T) (ServerFiles, *options.Options) {
	t.Helper()
	o := &options.Options{DataDir: t.TempDir(), NodeName: "n1", NodeIP: "192.168.200.11", ServiceCIDR: "10.43.0.0/16", ClusterDomain: "cluster.local"}
	files := Files(o.DataDir)
	if err := files.EnsureServer(o, "https://127.0.0.1:6444"); err != nil {
		t.Fatal(err)
	}
	return files, o
}

// staged makes new authorities: an intermediate, its new root, that root signed by `by` as well, and what is in use.
func staged(t *testing.T, files ServerFiles, by func(file string) *Authority) map[string][]byte {
	t.Helper()
	folder := t.TempDir()
	out := map[string][]byte{}
	for _, a := range authorities {
		root, err := EnsureAuthority(filepath.Join(folder, a.file+"-root"), a.name+"-root")
		if err != nil {
			t.Fatal(err)
		}
		key, err := EnsureKey(filepath.Join(folder, a.file+".key"))
		if err != nil {
			t.Fatal(err)
		}
		sign := func(name string, public any, signer *Authority) []byte {
			template := &x509.Certificate{
				SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
				KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
			}
			der, err := x509.CreateCertificate(rand.Reader, template, signer.Certificate, public, signer.key)
			if err != nil {
				t.Fatal(err)
			}
			return encode("CERTIFICATE", der)
		}
		old, err := os.ReadFile(files.Path(a.file + ".crt"))
		if err != nil {
			t.Fatal(err)
		}
		crossed := sign(root.Certificate.Subject.CommonName, root.key.Public(), by(a.file))
		out[a.file+".crt"] = bytes.Join([][]byte{sign("k3s-"+a.name+"@new", key.Public(), root), crossed, root.PEM, old}, nil)
		out[a.file+".key"], err = os.ReadFile(filepath.Join(folder, a.file+".key"))
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestAuthoritiesAreReplaced(t *testing.T) {
	files, o := serverFiles(t)
	own := func(file string) *Authority {
		authority, err := LoadAuthority(files.Path(file))
		if err != nil {
			t.Fatal(err)
		}
		return authority
	}
	before, err := files.ReadShared()
	if err != nil {
		t.Fatal(err)
	}
	oldRoots := x509.NewCertPool()
	oldRoots.AppendCertsFromPEM(before["server-ca.crt"])
	replaced, err := files.Replacement(staged(t, files, own), false)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(replaced["service.key"], before["service.key"]) {
		t.Error("a key that was not staged has changed")
	}
	if err := files.WriteShared(replaced); err != nil {
		t.Fatal(err)
	}
	if err := files.EnsureServer(o, "https://127.0.0.1:6444"); err != nil {
		t.Fatal(err)
	}
	// The server's new certificate: whoever trusts the old authority only trusts it by the chain that it is shown.
	chain, err := os.ReadFile(files.Path("serving-kube-apiserver.crt"))
	if err != nil {
		t.Fatal(err)
	}
	certificates, err := parseCertificates(chain)
	if err != nil || certificates[0].Issuer.CommonName != "k3s-server-ca@new" {
		t.Fatalf("%v %v", certificates, err)
	}
	shown := x509.NewCertPool()
	for _, certificate := range certificates[1:] {
		shown.AddCert(certificate)
	}
	if _, err := certificates[0].Verify(x509.VerifyOptions{Roots: oldRoots, Intermediates: shown, DNSName: "n1"}); err != nil {
		t.Error(err)
	}
	nochain, err := os.ReadFile(files.Path(SigningClientCA))
	if err != nil {
		t.Fatal(err)
	}
	if signing, err := parseCertificates(nochain); err != nil || len(signing) != 1 || signing[0].Subject.CommonName != "k3s-client-ca@new" {
		t.Errorf("%v %v", signing, err)
	}
	// The token's hash is that of the root, not of the bundle.
	if HashCA(replaced["server-ca.crt"]) == HashCA(before["server-ca.crt"]) {
		t.Error("the hash did not change with the root")
	}
	if HashCA(replaced["server-ca.crt"]) != HashCA(bytes.Join([][]byte{replaced["server-ca.crt"], before["server-ca.crt"]}, nil)) {
		t.Error("the hash is not the root's")
	}
}

func TestAuthoritiesThatNobodyTrustsAreRefused(t *testing.T) {
	files, _ := serverFiles(t)
	other, _ := serverFiles(t)
	foreign := staged(t, files, func(file string) *Authority {
		authority, err := LoadAuthority(other.Path(file))
		if err != nil {
			t.Fatal(err)
		}
		return authority
	})
	if _, err := files.Replacement(foreign, false); err == nil || !strings.Contains(err.Error(), "cannot be verified using old CA chain") {
		t.Errorf("%v", err)
	}
	if _, err := files.Replacement(foreign, true); err != nil {
		t.Error(err)
	}
	theirs, err := other.ReadShared()
	if err != nil {
		t.Fatal(err)
	}
	single := maps.Clone(theirs)
	delete(single, "service.key")
	if _, err := files.Replacement(single, false); err == nil || !strings.Contains(err.Error(), "only a single certificate") {
		t.Errorf("%v", err)
	}
	if _, err := files.Replacement(map[string][]byte{"service.key": theirs["service.key"]}, false); err == nil || !strings.Contains(err.Error(), "old ServiceAccount signing key") {
		t.Errorf("%v", err)
	}
	encryption := map[string][]byte{"../cred/encryption-config.json": []byte("mine")}
	if replaced, err := files.Replacement(encryption, false); err != nil || len(replaced["../cred/encryption-config.json"]) != 0 {
		t.Errorf("%v", err)
	}
}
