// Package credentials makes and keeps the keys, certificates, tokens and kubeconfigs of a cluster.
package credentials

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// Lifetimes and the renewal window are k3s's: authorities ten years, leaves one, renewed at a start in the last 90 days.
	authorityLifetime = 10 * 365 * 24 * time.Hour
	leafLifetime      = 365 * 24 * time.Hour
	renewBefore       = 90 * 24 * time.Hour
)

// Authority signs certificates.
type Authority struct {
	Certificate *x509.Certificate
	PEM         []byte
	key         crypto.Signer
}

// Leaf is what a certificate is for.
type Leaf struct {
	Name   string
	Groups []string
	// Server and Client are the extended key usages.
	Server, Client bool
	// Hosts are DNS names and addresses.
	Hosts []string
}

// EnsureAuthority reads the authority at path (without suffix), making it when it is not there.
func EnsureAuthority(path, name string) (*Authority, error) {
	if _, err := os.Stat(path + ".crt"); os.IsNotExist(err) {
		key, err := EnsureKey(path + ".key")
		if err != nil {
			return nil, err
		}
		// The time in the name tells apart two clusters' authorities, as in k3s.
		template := &x509.Certificate{
			SerialNumber: serial(), Subject: pkix.Name{CommonName: fmt.Sprintf("k3s-%s@%d", name, time.Now().Unix())},
			NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(authorityLifetime),
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, IsCA: true, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			return nil, err
		}
		if err := WriteFile(path+".crt", encode("CERTIFICATE", der), 0o644); err != nil {
			return nil, err
		}
	}
	return LoadAuthority(path)
}

// LoadAuthority reads path.crt and path.key.
func LoadAuthority(path string) (*Authority, error) {
	content, err := os.ReadFile(path + ".crt")
	if err != nil {
		return nil, err
	}
	certificate, err := parseCertificate(content)
	if err != nil {
		return nil, fmt.Errorf("%s.crt: %w", path, err)
	}
	key, err := EnsureKey(path + ".key")
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: certificate, PEM: content, key: key}, nil
}

// EnsureKey reads an ECDSA key, making it with mode 0600 when it is not there.
func EnsureKey(path string) (crypto.Signer, error) {
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, WriteFile(path, encode("EC PRIVATE KEY", der), 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM key", path)
	}
	signer, err := parseKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer, nil
}

// parseKey reads a key's DER. Authorities that the user brings may have other keys than those made here.
func parseKey(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("this kind of key cannot sign")
	}
	return signer, nil
}

// Ensure makes path.crt (with the authority's certificate below it) and path.key unless what is there is still good:
// signed by this authority, for the same name and hosts, and not in its last 90 days.
func (a *Authority) Ensure(path string, leaf Leaf) error {
	key, err := EnsureKey(path + ".key")
	if err != nil {
		return err
	}
	if content, err := os.ReadFile(path + ".crt"); err == nil && a.good(content, key, leaf) {
		return nil
	}
	content, err := a.sign(key.Public(), leaf)
	if err != nil {
		return err
	}
	return WriteFile(path+".crt", content, 0o644)
}

func (a *Authority) good(content []byte, key crypto.Signer, leaf Leaf) bool {
	certificate, err := parseCertificate(content)
	if err != nil || certificate.CheckSignatureFrom(a.Certificate) != nil || time.Until(certificate.NotAfter) < renewBefore {
		return false
	}
	public, ok := certificate.PublicKey.(*ecdsa.PublicKey)
	if !ok || !public.Equal(key.Public()) || certificate.Subject.CommonName != leaf.Name {
		return false
	}
	for _, host := range leaf.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			if !slices.ContainsFunc(certificate.IPAddresses, ip.Equal) {
				return false
			}
		} else if !slices.Contains(certificate.DNSNames, host) {
			return false
		}
	}
	return true
}

// SignRequest signs a PEM certificate request's key for the leaf; what the request says of itself does not count.
func (a *Authority) SignRequest(request []byte, leaf Leaf) ([]byte, error) {
	block, _ := pem.Decode(request)
	if block == nil {
		return nil, fmt.Errorf("the request is not PEM")
	}
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	if err := parsed.CheckSignature(); err != nil {
		return nil, err
	}
	return a.sign(parsed.PublicKey, leaf)
}

func (a *Authority) sign(public crypto.PublicKey, leaf Leaf) ([]byte, error) {
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: leaf.Name, Organization: leaf.Groups},
		NotBefore: a.Certificate.NotBefore, NotAfter: time.Now().Add(leafLifetime),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, BasicConstraintsValid: true,
	}
	if leaf.Server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if leaf.Client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	for _, host := range leaf.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, public, a.key)
	if err != nil {
		return nil, err
	}
	return append(encode("CERTIFICATE", der), a.PEM...), nil
}

// Request makes a certificate request for a key; the signer decides about everything but the key.
func Request(key crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	return encode("CERTIFICATE REQUEST", der), nil
}

// WriteFile replaces a file in one step, its folder made when needed.
func WriteFile(path string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, mode); err != nil {
		return err
	}
	if err := os.Chmod(temporary, mode); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

func parseCertificate(content []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func serial() *big.Int {
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the system has no randomness: nothing safe can follow
	}
	return number
}
