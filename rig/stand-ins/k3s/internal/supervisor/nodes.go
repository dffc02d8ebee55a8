package supervisor

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const passwordIterations = 15000

// checkNodePassword accepts a node that is new or shows the password it came with first. The hash is kept in the secret
// `<node>.node-password.k3s`, as in k3s: whoever reinstalls a node deletes it, together with the node.
func (s *Server) checkNodePassword(ctx context.Context, name, password string) error {
	if password == "" {
		return refusal{http.StatusBadRequest, "node password not set"}
	}
	secrets := s.Kubernetes.CoreV1().Secrets("kube-system")
	secretName := name + ".node-password.k3s"
	known, err := secrets.Get(ctx, secretName, meta.GetOptions{})
	if err == nil {
		if !samePassword(string(known.Data["hash"]), password) {
			return refusal{http.StatusForbidden, fmt.Sprintf("unable to verify password for node %s: hash does not match", name)}
		}
		return nil
	}
	if !apierrors.IsNotFound(err) {
		// A server asks itself before its API server runs: its own node is let in, as in k3s.
		if name == s.Options.NodeName && !s.Ready() {
			return nil
		}
		return refusal{http.StatusServiceUnavailable, "apiserver not ready: " + err.Error()}
	}
	hash, err := hashPassword(password)
	if err != nil {
		return err
	}
	immutable := true
	_, err = secrets.Create(ctx, &core.Secret{
		ObjectMeta: meta.ObjectMeta{Name: secretName, Namespace: "kube-system"},
		Immutable:  &immutable, Data: map[string][]byte{"hash": []byte(hash)},
	}, meta.CreateOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		// kube-system itself is made in the first seconds.
		return refusal{http.StatusServiceUnavailable, "apiserver not ready: " + err.Error()}
	}
	return err
}

func hashPassword(password string) (string, error) {
	salt := make([]byte, 8)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key, err := pbkdf2.Key(sha256.New, password, salt, passwordIterations, 32)
	if err != nil {
		return "", err
	}
	return "$1:" + hex.EncodeToString(salt) + ":" + hex.EncodeToString(key), nil
}

func samePassword(hash, password string) bool {
	parts := strings.Split(hash, ":")
	if len(parts) != 3 || parts[0] != "$1" {
		return false
	}
	salt, err := hex.DecodeString(parts[1])
	if err != nil {
		return false
	}
	key, err := pbkdf2.Key(sha256.New, password, salt, passwordIterations, 32)
	return err == nil && subtle.ConstantTimeCompare([]byte(hex.EncodeToString(key)), []byte(parts[2])) == 1
}

// servers answers host:port of every server that runs an API server now.
func (s *Server) servers(w http.ResponseWriter, r *http.Request) error {
	endpoints, err := s.Kubernetes.CoreV1().Endpoints("default").Get(r.Context(), "kubernetes", meta.GetOptions{})
	if err != nil {
		return refusal{http.StatusServiceUnavailable, err.Error()}
	}
	out := []string{}
	for _, subset := range endpoints.Subsets {
		for _, address := range subset.Addresses {
			out = append(out, net.JoinHostPort(address.IP, strconv.Itoa(s.Options.HTTPSPort)))
		}
	}
	return answer(w, out)
}
