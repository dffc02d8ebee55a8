package supervisor

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"
)

// proxy passes requests to this server's API server. TLS ends here, so a client certificate is passed on as Kubernetes
// lets a front proxy do it: in X-Remote-* headers, which count because of this proxy's own certificate.
func (s *Server) proxy() (http.Handler, error) {
	ca, err := os.ReadFile(s.Files.Path("server-ca.crt"))
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(s.Files.Path("client-auth-proxy.crt"), s.Files.Path("client-auth-proxy.key"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	anonymous := transport(&tls.Config{RootCAs: pool})
	identified := transport(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}})
	target := &url.URL{Scheme: "https", Host: s.APIServer}
	forward := &httputil.ReverseProxy{
		FlushInterval: -1, // watches
		ErrorLog:      slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
		Transport:     byIdentity{anonymous, identified},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			for name := range r.Out.Header {
				if strings.HasPrefix(strings.ToLower(name), "x-remote-") {
					delete(r.Out.Header, name)
				}
			}
			if r.In.TLS != nil && len(r.In.TLS.VerifiedChains) > 0 {
				subject := r.In.TLS.PeerCertificates[0].Subject
				r.Out.Header.Set("X-Remote-User", subject.CommonName)
				for _, group := range subject.Organization {
					r.Out.Header.Add("X-Remote-Group", group)
				}
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "apiserver not ready: "+err.Error(), http.StatusServiceUnavailable)
		},
	}
	return forward, nil
}

// byIdentity shows the front proxy's certificate only for requests that carry an identity checked here.
type byIdentity struct{ anonymous, identified http.RoundTripper }

func (b byIdentity) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Remote-User") != "" {
		return b.identified.RoundTrip(r)
	}
	return b.anonymous.RoundTrip(r)
}

// transport speaks HTTP/1.1 only: exec and port-forward upgrade their connections, which HTTP/2 cannot.
func transport(config *tls.Config) http.RoundTripper {
	config.MinVersion = tls.VersionTLS12
	return &http.Transport{
		TLSClientConfig: config, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
	}
}
