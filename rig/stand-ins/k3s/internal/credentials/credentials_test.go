package credentials

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	hash := HashCA([]byte("certificates"))
	for _, c := range []struct{ written, hash, user, password string }{
		{"K10" + hash + "::server:s3cr3t", hash, "server", "s3cr3t"},
		{"K10" + hash + "::node:a:b", hash, "node", "a:b"},
		{"s3cr3t", "", "node", "s3cr3t"},
		{"K10 is how mine starts", "", "node", "K10 is how mine starts"},
	} {
		got, err := ParseToken(c.written, "node")
		if err != nil || got.CAHash != c.hash || got.User != c.user || got.Password != c.password {
			t.Errorf("%s: %+v %v", c.written, got, err)
		}
	}
	for _, bad := range []string{"", "K10abc::server:x", "K10" + hash + "::server:"} {
		if _, err := ParseToken(bad, "node"); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if text := (Token{CAHash: hash, User: "server", Password: "x"}).String(); text != "K10"+hash+"::server:x" {
		t.Error(text)
	}
}

func TestLeavesAreKeptAndRenewed(t *testing.T) {
	dir := t.TempDir()
	authority, err := EnsureAuthority(filepath.Join(dir, "ca"), "test")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "leaf")
	read := func() string {
		content, err := os.ReadFile(path + ".crt")
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	ensure := func(a *Authority, leaf Leaf) string {
		if err := a.Ensure(path, leaf); err != nil {
			t.Fatal(err)
		}
		return read()
	}
	first := ensure(authority, Leaf{Name: "n1", Server: true, Hosts: []string{"n1", "192.168.200.11"}})
	if ensure(authority, Leaf{Name: "n1", Server: true, Hosts: []string{"n1", "192.168.200.11"}}) != first {
		t.Error("a good certificate was made again")
	}
	withHost := ensure(authority, Leaf{Name: "n1", Server: true, Hosts: []string{"n1", "192.168.200.10"}})
	if withHost == first {
		t.Error("a new host is not in the certificate")
	}
	other, err := EnsureAuthority(filepath.Join(dir, "other"), "test")
	if err != nil {
		t.Fatal(err)
	}
	if ensure(other, Leaf{Name: "n1", Server: true, Hosts: []string{"n1"}}) == withHost {
		t.Error("a certificate of another authority was kept")
	}
	info, err := os.Stat(path + ".key")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v", info.Mode())
	}
}

func TestRequestsAreSignedForWhatTheSignerSays(t *testing.T) {
	dir := t.TempDir()
	authority, err := EnsureAuthority(filepath.Join(dir, "ca"), "test")
	if err != nil {
		t.Fatal(err)
	}
	key, err := EnsureKey(filepath.Join(dir, "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := Request(key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := authority.SignRequest(request, Leaf{Name: "system:node:n1", Groups: []string{"system:nodes"}, Client: true})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := parseCertificate(signed)
	if err != nil || certificate.Subject.CommonName != "system:node:n1" || certificate.Subject.Organization[0] != "system:nodes" {
		t.Errorf("%v %v", certificate.Subject, err)
	}
	if _, err := authority.SignRequest([]byte("no request"), Leaf{}); err == nil {
		t.Error("nonsense was signed")
	}
}

func TestSharedFilesStayInTheirFolder(t *testing.T) {
	dir := t.TempDir()
	files := Files(dir)
	if err := files.WriteShared(map[string][]byte{"server-ca.crt": []byte("ca"), "../../../escaped": []byte("no")}); err != nil {
		t.Fatal(err)
	}
	shared, err := files.ReadShared()
	if err != nil || string(shared["server-ca.crt"]) != "ca" || len(shared) != 1 {
		t.Errorf("%v %v", shared, err)
	}
	found, _ := filepath.Glob(filepath.Join(dir, "../*escaped*"))
	if strings.Join(found, "") != "" {
		t.Errorf("written outside: %v", found)
	}
}
