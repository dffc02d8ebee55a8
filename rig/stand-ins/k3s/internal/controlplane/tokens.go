package controlplane

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/datastore"
)

// Tokens are the secrets in their short form.
func (s *Server) Tokens() (server, agent string) {
	s.tokens.RLock()
	defer s.tokens.RUnlock()
	return s.tokens.server, s.tokens.agent
}

// chooseTokens takes the settings' token, else the one written by an earlier start, else a new one.
func (s *Server) chooseTokens() error {
	written := s.Options.Token
	if written == "" {
		if content, err := os.ReadFile(s.Files.TokenFile); err == nil {
			written = strings.TrimSpace(string(content))
		} else {
			written = credentials.RandomSecret()
		}
	}
	server, err := credentials.ParseToken(written, "server")
	if err != nil {
		return err
	}
	s.tokens.server, s.tokens.agent = server.Password, server.Password
	if s.Options.AgentToken != "" {
		agent, err := credentials.ParseToken(s.Options.AgentToken, "node")
		if err != nil {
			return fmt.Errorf("agent-token: %w", err)
		}
		s.tokens.agent = agent.Password
	}
	return nil
}

// writeTokens leaves the long forms where k3s leaves them.
func (s *Server) writeTokens() error {
	ca, err := os.ReadFile(s.Files.Path("server-ca.crt"))
	if err != nil {
		return err
	}
	server, agent := s.Tokens()
	hash := credentials.HashCA(ca)
	long := credentials.Token{CAHash: hash, User: "server", Password: server}
	if err := credentials.WriteFile(s.Files.TokenFile, []byte(long.String()+"\n"), 0o600); err != nil {
		return err
	}
	node := s.Files.Path("../node-token")
	_ = os.Remove(node)
	if err := os.Symlink("token", node); err != nil {
		return err
	}
	if s.Options.AgentToken == "" {
		return nil
	}
	long = credentials.Token{CAHash: hash, User: "node", Password: agent}
	return credentials.WriteFile(s.Files.AgentTokenFile, []byte(long.String()+"\n"), 0o600)
}

// reconcileBootstrap keeps the shared files in the datastore, encrypted with the server token: a server whose disk is
// lost, or a restored snapshot, gets them back with the token and not without it. It says whether files here changed.
func (s *Server) reconcileBootstrap(ctx context.Context) (bool, error) {
	client, err := s.Etcd.Client()
	if err != nil {
		return false, err
	}
	defer client.Close()
	files, err := s.Files.ReadShared()
	if err != nil {
		return false, err
	}
	token, _ := s.Tokens()
	stored, err := datastore.LoadBootstrap(ctx, client, token)
	switch {
	case errors.Is(err, datastore.ErrNoBootstrap):
		return false, datastore.SaveBootstrap(ctx, client, token, "", files)
	case errors.Is(err, datastore.ErrOtherToken):
		return false, fmt.Errorf("%w: give the cluster's own server token (after a restore, the one that the snapshot was taken with)", err)
	case err != nil:
		return false, err
	}
	if maps.EqualFunc(stored, files, bytes.Equal) {
		return false, nil
	}
	if err := s.Files.WriteShared(stored); err != nil {
		return false, err
	}
	// Leaves that a replaced authority signed are made again.
	return true, s.Files.EnsureServer(s.Options, apiServerURL())
}

// rotate changes the server token; snapshots taken before still need the old one.
func (s *Server) rotate(ctx context.Context, newToken string) error {
	parsed, err := credentials.ParseToken(newToken, "server")
	if err != nil {
		return err
	}
	client, err := s.Etcd.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	old, agent := s.Tokens()
	// Not this server's own: authorities may have been replaced since it started.
	files, err := datastore.LoadBootstrap(ctx, client, old)
	if err != nil {
		return err
	}
	if err := datastore.SaveBootstrap(ctx, client, parsed.Password, old, files); err != nil {
		return err
	}
	s.tokens.Lock()
	s.tokens.server = parsed.Password
	if agent == old {
		s.tokens.agent = parsed.Password
	}
	s.tokens.Unlock()
	return s.writeTokens()
}

// replaceAuthorities stores other authorities for all servers, each of which takes them at its next start.
func (s *Server) replaceAuthorities(ctx context.Context, staged map[string][]byte, force bool) error {
	files, err := s.Files.Replacement(staged, force)
	if err != nil {
		return err
	}
	client, err := s.Etcd.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	token, _ := s.Tokens()
	return datastore.SaveBootstrap(ctx, client, token, "", files)
}

// ensureEncryption makes the key for secrets at rest once per cluster; servers that join receive it.
func (s *Server) ensureEncryption() error {
	path := encryptionFile(s.Options)
	if _, err := os.Stat(path); err == nil || !s.Options.SecretsEncrypted {
		return nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	identity := map[string]any{"identity": map[string]any{}}
	aescbc := map[string]any{"aescbc": map[string]any{"keys": []any{map[string]any{"name": "aescbckey", "secret": base64.StdEncoding.EncodeToString(key)}}}}
	content, err := json.MarshalIndent(map[string]any{
		"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
		"resources": []any{map[string]any{"resources": []string{"secrets"}, "providers": []any{aescbc, identity}}},
	}, "", "  ")
	if err != nil {
		return err
	}
	return credentials.WriteFile(path, content, 0o600)
}

// writeKubeconfig leaves the administrator's kubeconfig with the mode and group the settings ask for.
func (s *Server) writeKubeconfig() error {
	o := s.Options
	host := "127.0.0.1"
	if o.BindAddress != "0.0.0.0" {
		host = o.BindAddress
	}
	content, err := credentials.Kubeconfig(fmt.Sprintf("https://%s:%d", host, o.HTTPSPort), s.Files.Path("server-ca.crt"), s.Files.Path("client-admin"))
	if err != nil {
		return err
	}
	mode, err := strconv.ParseUint(o.KubeconfigMode, 8, 32)
	if err != nil {
		return fmt.Errorf("write-kubeconfig-mode: %q is not an octal mode such as 600", o.KubeconfigMode)
	}
	if err := credentials.WriteFile(o.Kubeconfig, content, os.FileMode(mode)); err != nil {
		return err
	}
	return chownGroup(o.Kubeconfig, o.KubeconfigGroup)
}
