package credentials

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Replacement puts staged authorities and keys over those in use and says what all servers share from then on. What is not staged
// stays, and the encryption configuration always does. As k3s, it refuses authorities that nobody who trusts the old ones would trust.
func (f ServerFiles) Replacement(staged map[string][]byte, force bool) (map[string][]byte, error) {
	old, err := f.ReadShared()
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for name, content := range old {
		out[name] = content
	}
	for _, name := range Shared {
		if content := staged[name]; len(content) > 0 && name != "../cred/encryption-config.json" {
			out[name] = content
		}
	}
	if err := validate(old, out); err != nil && !force {
		return nil, fmt.Errorf("failed to validate new CA certificates and keys: %w", err)
	}
	return out, nil
}

func validate(old, replaced map[string][]byte) error {
	var problems []error
	for _, a := range authorities {
		certificate, key := a.file+".crt", a.file+".key"
		if bytes.Equal(old[certificate], replaced[certificate]) && bytes.Equal(old[key], replaced[key]) {
			continue
		}
		if err := validateAuthority(old[certificate], replaced[certificate]); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", a.name, err))
		}
		if _, err := tls.X509KeyPair(replaced[certificate], replaced[key]); err != nil {
			problems = append(problems, fmt.Errorf("%s key: new CA cert and key cannot be loaded as X590KeyPair: %w", a.name, err))
		}
	}
	if !holdsKey(replaced["service.key"], old["service.key"]) {
		problems = append(problems, errors.New("old ServiceAccount signing key not in new ServiceAccount key list"))
	}
	return errors.Join(problems...)
}

// validateAuthority: the first certificate of the new bundle leads to what the old bundle trusts.
func validateAuthority(old, replaced []byte) error {
	trusted, err := parseCertificates(old)
	if err != nil {
		return err
	}
	bundle, err := parseCertificates(replaced)
	if err != nil {
		return err
	}
	if len(bundle) == 1 {
		return errors.New("new CA bundle contains only a single certificate but should include root or intermediate CA certificates")
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	for _, certificate := range trusted {
		if isRoot(certificate) {
			roots.AddCert(certificate)
		} else {
			intermediates.AddCert(certificate)
		}
	}
	for _, certificate := range bundle[1:] {
		if len(certificate.AuthorityKeyId) > 0 {
			intermediates.AddCert(certificate)
		}
	}
	if _, err := bundle[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates}); err != nil {
		return fmt.Errorf("new CA cert cannot be verified using old CA chain: %w", err)
	}
	return nil
}

// isRoot goes by the key identifiers, as k3s does.
func isRoot(certificate *x509.Certificate) bool {
	return len(certificate.AuthorityKeyId) == 0 || bytes.Equal(certificate.AuthorityKeyId, certificate.SubjectKeyId)
}

func parseCertificates(content []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, certificate)
	}
	if len(out) == 0 {
		return nil, errors.New("no PEM certificate")
	}
	return out, nil
}

// holdsKey says whether the key that `old` signs with is among the keys of `list`.
func holdsKey(list, old []byte) bool {
	signing := privateKeys(old)
	if len(signing) == 0 {
		return false
	}
	for _, key := range privateKeys(list) {
		if key.Equal(signing[0]) {
			return true
		}
	}
	return false
}

type privateKey interface {
	Equal(x crypto.PrivateKey) bool
}

func privateKeys(content []byte) []privateKey {
	var out []privateKey
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if key, err := parseKey(block.Bytes); err == nil {
			switch key := key.(type) {
			case *ecdsa.PrivateKey:
				out = append(out, key)
			case *rsa.PrivateKey:
				out = append(out, key)
			}
		}
	}
	return out
}
