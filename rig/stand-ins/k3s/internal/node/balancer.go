package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"homelab/k3s/internal/supervisor"
)

const (
	dialTimeout    = 3 * time.Second
	checkInterval  = 5 * time.Second
	followInterval = 15 * time.Second
)

// balancer passes connections on a local port to one of the servers, and cuts those to a server that stopped answering
// so that clients find another at once.
type balancer struct {
	address string
	first   string
	mutex   sync.Mutex
	servers []string
	// open holds the connections by server.
	open map[string]map[net.Conn]struct{}
}

func newBalancer(address, server string) *balancer {
	return &balancer{address: address, first: server, servers: []string{server}, open: map[string]map[net.Conn]struct{}{}}
}

func (b *balancer) listen(ctx context.Context) error {
	listener, err := net.Listen("tcp", b.address)
	if err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		listener.Close()
	}()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go b.serve(connection)
		}
	}()
	go b.check(ctx)
	return nil
}

// set replaces the list; the address the node was told to join stays as the last resort (it may be a virtual address).
func (b *balancer) set(servers []string) {
	if !slices.Contains(servers, b.first) {
		servers = append(servers, b.first)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	// Keep the order of those that stay: connections should not wander without a reason.
	kept := slices.DeleteFunc(slices.Clone(b.servers), func(s string) bool { return !slices.Contains(servers, s) })
	for _, server := range servers {
		if !slices.Contains(kept, server) {
			kept = append(kept, server)
		}
	}
	b.servers = kept
}

func (b *balancer) list() []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return slices.Clone(b.servers)
}

func (b *balancer) serve(client net.Conn) {
	defer client.Close()
	for _, server := range b.list() {
		upstream, err := net.DialTimeout("tcp", server, dialTimeout)
		if err != nil {
			b.demote(server)
			continue
		}
		b.track(server, upstream, true)
		done := make(chan struct{}, 2)
		go func() { _, _ = io.Copy(upstream, client); done <- struct{}{} }()
		go func() { _, _ = io.Copy(client, upstream); done <- struct{}{} }()
		<-done
		upstream.Close()
		b.track(server, upstream, false)
		return
	}
}

func (b *balancer) track(server string, connection net.Conn, add bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if !add {
		delete(b.open[server], connection)
		return
	}
	if b.open[server] == nil {
		b.open[server] = map[net.Conn]struct{}{}
	}
	b.open[server][connection] = struct{}{}
}

// demote moves a server to the end and cuts its connections.
func (b *balancer) demote(server string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	i := slices.Index(b.servers, server)
	if i < 0 {
		return
	}
	b.servers = append(slices.Delete(b.servers, i, i+1), server)
	for connection := range b.open[server] {
		connection.Close()
	}
}

func (b *balancer) check(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(checkInterval):
		}
		servers := b.list()
		probe, err := net.DialTimeout("tcp", servers[0], dialTimeout)
		if err == nil {
			probe.Close()
			continue
		}
		if len(servers) > 1 {
			slog.Warn("server does not answer, changing to another", "server", servers[0], "next", servers[1])
			b.demote(servers[0])
		}
	}
}

// followServers keeps the balancer's list as the cluster's servers come and go.
func (n *Node) followServers(ctx context.Context, b *balancer, apiServer string) {
	go func() {
		for {
			if servers, err := n.servers(ctx, apiServer); err == nil && len(servers) > 0 {
				b.set(servers)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(followInterval):
			}
		}
	}()
}

func (n *Node) servers(ctx context.Context, apiServer string) ([]string, error) {
	pair, err := tls.LoadX509KeyPair(n.agentDir("client-kubelet.crt"), n.agentDir("client-kubelet.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(n.agentDir("server-ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: []tls.Certificate{pair}}, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, apiServer+supervisor.PathServers, nil)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s", response.Status)
	}
	var out []string
	return out, json.NewDecoder(response.Body).Decode(&out)
}
