package supervisor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"homelab/k3s/internal/credentials"
)

// Client talks to a server's supervisor.
type Client struct {
	URL   string
	CA    []byte
	token credentials.Token
	http  *http.Client
}

// Refused says that the server understood and said no: trying again with the same credentials is of no use.
type Refused struct {
	Status int
	Text   string
}

func (r *Refused) Error() string { return r.Text }

// IsRefused tells a refusal from a server that cannot be reached or is not ready.
func IsRefused(err error) bool {
	var refused *Refused
	return errors.As(err, &refused)
}

// Connect fetches the cluster's authority, checks it against the token's hash and answers a client that trusts only it.
func Connect(ctx context.Context, url, written, user string) (*Client, error) {
	token, err := credentials.ParseToken(written, user)
	if err != nil {
		return nil, &Refused{Text: err.Error()}
	}
	token.User = user
	// The one request without a known authority; its answer is checked below by the hash in the token.
	unchecked := httpClient(&tls.Config{InsecureSkipVerify: true})
	defer unchecked.CloseIdleConnections()
	ca, err := do(ctx, unchecked, http.MethodGet, url+PathCACerts, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("failed to get CA certs: %w", err)
	}
	if hash := credentials.HashCA(ca); token.CAHash != "" && token.CAHash != hash {
		return nil, &Refused{Text: fmt.Sprintf("token CA hash does not match the Cluster CA certificate hash: %s != %s", token.CAHash, hash)}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s%s did not answer certificates", url, PathCACerts)
	}
	return &Client{URL: url, CA: ca, token: token, http: httpClient(&tls.Config{RootCAs: pool})}, nil
}

func httpClient(config *tls.Config) *http.Client {
	config.MinVersion = tls.VersionTLS12
	return &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{TLSClientConfig: config, TLSHandshakeTimeout: 10 * time.Second}}
}

// Config reads the cluster's settings.
func (c *Client) Config(ctx context.Context) (NodeConfig, error) {
	var out NodeConfig
	content, err := c.Do(ctx, http.MethodGet, PathConfig, nil, nil)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(content, &out)
}

// JSON sends a value and decodes the answer into out, which may be nil.
func (c *Client) JSON(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = encoded
	}
	content, err := c.Do(ctx, method, path, nil, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(content, out)
}

// Do makes one request with the token.
func (c *Client) Do(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, error) {
	if header == nil {
		header = http.Header{}
	}
	request := &http.Request{Header: header}
	request.SetBasicAuth(c.token.User, c.token.Password)
	return do(ctx, c.http, method, c.URL+path, request.Header, body)
}

func do(ctx context.Context, client *http.Client, method, url string, header http.Header, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	said := strings.TrimSpace(string(content))
	switch {
	case response.StatusCode == http.StatusOK, response.StatusCode == http.StatusNoContent:
		return content, nil
	case response.StatusCode == http.StatusUnauthorized:
		return nil, &Refused{response.StatusCode, fmt.Sprintf("%s: 401 Unauthorized: the token was not accepted by this cluster", url)}
	case response.StatusCode == http.StatusForbidden:
		return nil, &Refused{response.StatusCode, said}
	default:
		return nil, fmt.Errorf("%s: %s: %s", url, response.Status, said)
	}
}
