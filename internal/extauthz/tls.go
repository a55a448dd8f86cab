package extauthz

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	grpcpeer "google.golang.org/grpc/peer"
)

const (
	// lookEvery is how often the files are looked at.
	lookEvery = 250 * time.Millisecond
	// longestHandshake is how long one who has not proven anything yet may
	// hold a connection.
	longestHandshake = 5 * time.Second
	// oldestConnection is when a client has to connect anew, and so to show a
	// certificate that is still good. It is told in time, and loses no check.
	oldestConnection = 10 * time.Minute
	// lastStreams is how long what still runs on such a connection may take.
	lastStreams = 30 * time.Second
)

// TLSOptions say by which files a Server speaks mutual TLS, and who may ask.
// All but Refused and Clock must be given.
type TLSOptions struct {
	// CertFile and KeyFile hold the server's certificate, with the chain behind
	// it, and its key; ClientCAFile holds the authorities of clients'
	// certificates. All are paths of PEM files.
	CertFile, KeyFile, ClientCAFile string
	// AllowedClients are URIs, and DNS names in lower case: a client's certificate
	// must hold one of them as a SAN.
	AllowedClients []string
	// Logger is told when files change, and of clients that are refused.
	Logger *slog.Logger
	// Refused, where set, is told of every client that is refused. Name is the
	// first SAN of one whose certificate is good, but that is not allowed; else
	// it is empty.
	Refused func(reason Refusal, name string)
	// Clock is the time that certificates are judged by. Nil: time.Now.
	Clock func() time.Time
}

// TLS is mutual TLS for a Server: TLS 1.3, and a certificate from everybody.
// What it is made of is read again when it changes, by Run; connections that
// there are stay, for oldestConnection at most. It is safe for use by many
// goroutines.
type TLS struct {
	options  TLSOptions
	allowed  map[string]bool
	own      watched[*ownCertificate]
	clients  watched[*authorities]
	inUse    atomic.Pointer[generation]
	refusals refusalLog
	turns    chan struct{} // of judging clients: who has proven nothing gets one processor at most
}

// A generation is all that a handshake goes by.
type generation struct {
	own     *ownCertificate
	clients *authorities
	failing error // why there are newer files that are not used
}

// TLSState is how it stands with the files.
type TLSState struct {
	// Expires is when the server's certificate does.
	Expires time.Time
	// Err says why the files as they are now cannot be used; those that could
	// serve on. Nil: they are used.
	Err error
}

// NewTLS reads the files. An error says which of them cannot be used, and why.
func NewTLS(options TLSOptions) (*TLS, error) {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	t := &TLS{
		options: options, allowed: make(map[string]bool),
		own:      watched[*ownCertificate]{paths: []string{options.CertFile, options.KeyFile}},
		clients:  watched[*authorities]{paths: []string{options.ClientCAFile}, parse: parseAuthorities},
		refusals: refusalLog{logger: options.Logger, clock: options.Clock},
		turns:    make(chan struct{}, 1),
	}
	t.own.parse = t.parseNew
	for _, name := range options.AllowedClients {
		t.allowed[name] = true
	}
	t.own.look()
	t.clients.look()
	switch own, clients := t.own.failing, t.clients.failing; {
	case own != nil && clients != nil:
		return nil, fmt.Errorf("extauthz: %w; %w", own, clients)
	case own != nil || clients != nil:
		return nil, fmt.Errorf("extauthz: %w", errors.Join(own, clients))
	}
	t.use()
	return t, nil
}

// Run looks at the files until ctx ends, and uses them when they have changed.
func (t *TLS) Run(ctx context.Context) {
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			t.look()
		}
	}
}

// look looks at the files once. It is for one goroutine at a time.
func (t *TLS) look() {
	own, clients := t.own.look(), t.clients.look()
	if own == unchanged && clients == unchanged {
		return
	}
	t.use()
	t.tell(own, t.own.told, slog.String("files", t.options.CertFile+", "+t.options.KeyFile), slog.Time("expires", t.own.value.expires()))
	t.tell(clients, t.clients.told, slog.String("files", t.options.ClientCAFile), slog.Int("authorities", t.clients.value.number))
}

// parseNew reads a certificate and its key. One that is not valid now does not
// take the place of one that is.
func (t *TLS) parseNew(paths []string, texts [][]byte) (*ownCertificate, error) {
	own, err := parseOwn(paths, texts)
	if err != nil {
		return nil, err
	}
	if now, before := t.options.Clock(), t.own.value; before != nil && before.isValid(now) && !own.isValid(now) {
		return nil, fmt.Errorf("certificate %s: is valid from %s to %s only", paths[0], own.leaf.NotBefore.Format(time.RFC3339), own.expires().Format(time.RFC3339))
	}
	return own, nil
}

// use has the next handshake go by what was read.
func (t *TLS) use() {
	now := &generation{own: t.own.value, clients: t.clients.value, failing: errors.Join(t.own.told, t.clients.told)}
	before := t.inUse.Swap(now)
	if at := t.options.Clock(); (before == nil || before.own != now.own) && !now.own.isValid(at) {
		logger := t.options.Logger
		logger.Warn("the server's certificate is not valid now: Envoy will not take it",
			slog.Time("from", now.own.leaf.NotBefore), slog.Time("expires", now.own.expires()))
	}
}

// tell writes to the log what has become of files.
func (t *TLS) tell(change change, cause error, files, value slog.Attr) {
	logger := t.options.Logger
	switch change {
	case renewed:
		logger.Info("files of TLS have changed, and are used", files, value)
	case failing:
		logger.Error("files of TLS have changed, and cannot be used: the old ones serve on", files, slog.Any("cause", cause))
	case mended:
		logger.Info("files of TLS are again those that are used", files, value)
	case unchanged:
	}
}

// State tells how it stands with the files.
func (t *TLS) State() TLSState {
	now := t.inUse.Load()
	return TLSState{Expires: now.own.expires(), Err: now.failing}
}

// serverOptions are those of a Server that speaks TLS.
func (t *TLS) serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(handshaker{t}),
		grpc.ConnectionTimeout(longestHandshake),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: oldestConnection, MaxConnectionAgeGrace: lastStreams}),
		grpc.ChainUnaryInterceptor(askedByClient),
	}
}

// A handshaker makes connections that are proven on both sides.
type handshaker struct{ tls *TLS }

// longestHello is how much is read of a client before it has proven who it is, in
// bytes: a chain of four certificates with room to spare.
const longestHello = 32 << 10

// An unprovenConn is the connection of somebody who may say so much, until the
// handshake is done.
type unprovenConn struct {
	net.Conn
	left   int
	proven bool // set where the handshake is done, before anybody else reads
}

var errTooMuch = errors.New("extauthz: TLS: the client says too much before it has proven who it is")

// Read implements net.Conn.
func (c *unprovenConn) Read(into []byte) (int, error) {
	if c.proven {
		return c.Conn.Read(into)
	}
	if c.left == 0 {
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(into[:min(len(into), c.left)])
	c.left -= n
	return n, err
}

// A caller is who is at the other end of such a connection.
type caller struct {
	credentials.TLSInfo
	isClient bool // an allowed client, not only the server's own probe
}

// ServerHandshake implements credentials.TransportCredentials.
func (h handshaker) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	now, isClient := h.tls.inUse.Load(), false
	config := &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{now.own.pair},
		// Who shows one is looked at below, each time: no session is resumed.
		ClientAuth:             tls.RequireAnyClientCert,
		SessionTicketsDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) (err error) {
			isClient, err = h.tls.admitInTurn(now, state.PeerCertificates)
			return err
		},
	}
	unproven := &unprovenConn{Conn: raw, left: longestHello}
	connection, info, err := credentials.NewTLS(config).ServerHandshake(unproven)
	if err != nil {
		h.tls.refused(raw.RemoteAddr(), err)
		return nil, nil, err
	}
	unproven.proven = true
	shown, isTLS := info.(credentials.TLSInfo)
	return connection, caller{shown, isClient && isTLS}, nil
}

// ClientHandshake implements credentials.TransportCredentials. A server connects
// to nobody.
func (h handshaker) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("extauthz: TLS: only a server's")
}

// Info implements credentials.TransportCredentials.
func (h handshaker) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone implements credentials.TransportCredentials.
func (h handshaker) Clone() credentials.TransportCredentials { return h }

// OverrideServerName implements credentials.TransportCredentials.
func (h handshaker) OverrideServerName(string) error { return nil }

var errNoClient = errors.New("extauthz: TLS: the server's own certificate may ask for health only")

// askedByClient refuses a check of one who may only ask for health.
func askedByClient(ctx context.Context, asked any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if _, isCheck := asked.(*question); isCheck {
		from, known := grpcpeer.FromContext(ctx)
		if !known {
			return nil, errNoClient
		}
		if at, isTLS := from.AuthInfo.(caller); !isTLS || !at.isClient {
			return nil, errNoClient
		}
	}
	return next(ctx, asked)
}
