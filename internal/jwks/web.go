package jwks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"credence/internal/credential"
)

// fetchTimeout bounds one fetch, from the name of the host to the last byte.
const fetchTimeout = 5 * time.Second

// A web is a JWKS that is fetched.
type web struct {
	url       *url.URL
	roots     *x509.CertPool    // nil: the system's
	transport http.RoundTripper // nil: the network
}

func (w *web) String() string { return shownURL(w.url.String()) }

func (w *web) again(failures int, known bool) time.Duration {
	if !known {
		return firstAgain
	}
	return spread(backoff(failures))
}

func (w *web) keeps() time.Duration { return keptFor }

func (w *web) read(ctx context.Context) ([]byte, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel() // closes the connection, whatever became of it
	text, fresh, err := w.get(ctx)
	if err != nil {
		return nil, 0, faultOf(ctx, err)
	}
	return text, fresh, nil
}

// get asks once. It goes round http.Client, which follows, remembers and has the
// whole URL in its errors.
func (w *web) get(ctx context.Context) ([]byte, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url.String(), http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json")
	request.Header.Set("User-Agent", "credence")
	transport := w.transport
	if transport == nil {
		transport = w.network(ctx)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if err := refusal(response); err != nil {
		return nil, 0, err
	}
	text, err := readAll(response.Body)
	return text, spread(freshness(response.Header)), err
}

// refusal says why the body of an answer is not looked at.
func refusal(response *http.Response) error {
	to := response.Header.Get("Location")
	switch {
	case response.StatusCode == http.StatusOK && response.ContentLength > maxText:
		return errTooLong
	case response.StatusCode == http.StatusOK:
		return nil
	case response.StatusCode/100 == 3 && to != "":
		if absolute, err := response.Location(); err == nil {
			to = absolute.String()
		}
		return fault("redirects to " + credential.Shown(shownURL(to)) + ", which is not followed")
	}
	return fault(fmt.Sprintf("answers with status %d: want 200", response.StatusCode))
}

// network makes the transport of one fetch: HTTP/1.1, one connection, closed as
// soon as ctx ends. http.Transport goes on connecting after that, for others
// that may come; here nobody does.
func (w *web) network(ctx context.Context) http.RoundTripper {
	dialer := &net.Dialer{}
	transport := &http.Transport{
		DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err == nil {
				context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		},
		TLSClientConfig:        &tls.Config{RootCAs: w.roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true, // what it would become could be longer than it is
		MaxResponseHeaderBytes: 64 << 10,
		Proxy:                  proxy,
		OnProxyConnectResponse: refusedByProxy,
	}
	if w.url.Scheme == "http" {
		transport.Proxy = nil
		dialer.Control = loopbackOnly
	}
	return transport
}

// loopbackOnly refuses what a name like localhost should not lead to.
func loopbackOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().Unmap().IsLoopback() {
		return fault("plain http is for loopback only, and the name of its host leads elsewhere")
	}
	return nil
}

// proxy gives that of the environment. What is wrong with it may hold a
// password.
func proxy(request *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(request)
	if err != nil {
		return nil, fault("HTTPS_PROXY in the environment is not the URL of a proxy")
	}
	return u, nil
}

func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode != http.StatusOK {
		return fault(fmt.Sprintf("the proxy answers with status %d", response.StatusCode))
	}
	return nil
}
