package credentials

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
)

// Token is what a node joins with: the secret, and in its long form the hash of the authority that it trusts.
type Token struct {
	// CAHash is "" in a short token: then the first certificate seen is trusted, as k3s does.
	CAHash   string
	User     string
	Password string
}

const tokenPrefix = "K10"

// ParseToken reads `K10<hash>::<user>:<password>` or a bare password.
func ParseToken(written, defaultUser string) (Token, error) {
	if !strings.HasPrefix(written, tokenPrefix) || !strings.Contains(written, "::") {
		if written == "" {
			return Token{}, fmt.Errorf("token must not be empty")
		}
		return Token{User: defaultUser, Password: strings.TrimPrefix(written, "::")}, nil
	}
	hash, rest, _ := strings.Cut(written[len(tokenPrefix):], "::")
	if decoded, err := hex.DecodeString(hash); err != nil || len(decoded) != sha256.Size {
		return Token{}, fmt.Errorf("invalid token CA hash length")
	}
	user, password, ok := strings.Cut(rest, ":")
	if !ok {
		user, password = defaultUser, rest
	}
	if password == "" {
		return Token{}, fmt.Errorf("invalid token format: no password after the CA hash")
	}
	return Token{CAHash: hash, User: user, Password: password}, nil
}

// String is the long form.
func (t Token) String() string { return tokenPrefix + t.CAHash + "::" + t.User + ":" + t.Password }

// HashCA is the hash that long tokens carry: of the bytes /cacerts answers where that is one certificate, of the root's DER where it
// is a bundle, so that the token outlives authorities below the same root.
func HashCA(bundle []byte) string {
	if certificates, err := parseCertificates(bundle); err == nil && len(certificates) > 1 {
		roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
		for _, certificate := range certificates[1:] {
			if isRoot(certificate) {
				roots.AddCert(certificate)
			} else {
				intermediates.AddCert(certificate)
			}
		}
		if chains, err := certificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates}); err == nil {
			bundle = chains[0][len(chains[0])-1].Raw
		}
	}
	sum := sha256.Sum256(bundle)
	return hex.EncodeToString(sum[:])
}

// RandomSecret is 32 hexadecimal digits.
func RandomSecret() string {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		panic(err) // the system has no randomness: nothing safe can follow
	}
	return hex.EncodeToString(random)
}
