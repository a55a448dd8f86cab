package e2e

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"credence/internal/authz/authztest"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// TestDecisionsOverTheWire decides every case of testdata/decisions again: by
// the server, over gRPC, from records in a real Redis.
func TestDecisionsOverTheWire(t *testing.T) {
	redis := parts.Redis(t)
	decided := 0
	for _, c := range authztest.Load(t) {
		if c.MemoryOnly {
			continue
		}
		decided++
		t.Run(c.Name, func(t *testing.T) {
			now := time.Now().UTC()
			writeRegistry(redis, c, now)
			c.CheckAnswer(t, ask(t, redis, c, now))
		})
	}
	if decided < 600 {
		t.Errorf("%d cases were decided, want at least 600", decided)
	}
}

// fillScript replaces everything by the hashes in ARGV, each as its key, how
// many fields and values follow, and these; keys without any hold a list, and
// below zero there follow scores and members of a sorted set.
const fillScript = `
redis.call('FLUSHALL')
local at = 1
while at <= #ARGV do
  local key, n = ARGV[at], tonumber(ARGV[at + 1])
  if n == 0 then
    redis.call('RPUSH', key, 'neither a hash nor a sorted set')
  else
    redis.call(n < 0 and 'ZADD' or 'HSET', key, unpack(ARGV, at + 2, at + 1 + math.abs(n)))
  end
  at = at + 2 + math.abs(n)
end`

// writeRegistry makes the registry of a case, by redis-cli.
func writeRegistry(redis *parts.RedisServer, c authztest.Case, now time.Time) {
	arguments := []string{"EVAL", fillScript, "0"}
	for ref, fields := range c.Records(now) {
		arguments = append(arguments, "{credence}:"+ref.Key(), strconv.Itoa(2*len(fields)))
		for field, value := range fields {
			arguments = append(arguments, field, value)
		}
	}
	if revoked := c.Revoked(); len(revoked) > 0 {
		arguments = append(arguments, "{credence}:"+registry.RevokedRef.Key(), strconv.Itoa(-2*len(revoked)))
		for _, jti := range revoked {
			arguments = append(arguments, strconv.FormatInt(now.Add(time.Hour).Unix(), 10), jti)
		}
	}
	for _, ref := range c.OtherTypes() {
		arguments = append(arguments, "{credence}:"+ref.Key(), "0")
	}
	redis.CLI(arguments...)
}

// ask starts a server with the case's configuration and sends its request.
func ask(t *testing.T, redis *parts.RedisServer, c authztest.Case, now time.Time) authztest.Answer {
	t.Helper()
	conf := c.Config
	conf.Redis.URL = redis.URL()
	conf.Listen.GRPC, conf.Listen.Ops, conf.Listen.Drain = "127.0.0.1:0", "127.0.0.1:0", 0
	s := &stack{t: t, log: &parts.Log{}}
	at := s.serveWithin(patientConfig(conf), patience)
	connection, err := grpc.NewClient("passthrough:///"+at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	response, err := authv3.NewAuthorizationClient(connection).Check(ctx, checkOf(c.Sent(now)))
	if err != nil {
		t.Fatalf("an RPC error is no decision: %v", err)
	}
	if err := response.ValidateAll(); err != nil {
		t.Errorf("response: %v", err)
	}
	return answerOf(t, response)
}

// percentEncoded is how Envoy writes a certificate in PEM.
var percentEncoded = strings.NewReplacer("\n", "%0A", " ", "%20", "+", "%2B", "/", "%2F", "=", "%3D")

// checkOf makes the message that Envoy would send.
func checkOf(sent authztest.Sent) *authv3.CheckRequest {
	if sent.NoAttributes {
		return &authv3.CheckRequest{}
	}
	attributes := &authv3.AttributeContext{
		Source:            &authv3.AttributeContext_Peer{Address: addressOf(sent.Source)},
		Request:           &authv3.AttributeContext_Request{},
		ContextExtensions: sent.Extensions,
	}
	if sent.Certificate != nil {
		inPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: sent.Certificate})
		attributes.Source.Certificate = percentEncoded.Replace(string(inPEM))
	}
	if sent.NoHTTP {
		return &authv3.CheckRequest{Attributes: attributes}
	}
	pseudo := map[string]string{":method": sent.Method, ":path": sent.Target, ":scheme": sent.Scheme, ":authority": "api.example.com"}
	http := &authv3.AttributeContext_HttpRequest{
		Method: sent.Method, Path: sent.Target, Scheme: sent.Scheme, Host: "api.example.com", Protocol: "HTTP/1.1",
	}
	if sent.HeaderMap != nil {
		http.HeaderMap = &corev3.HeaderMap{}
		for _, name := range slices.Sorted(maps.Keys(pseudo)) {
			http.HeaderMap.Headers = append(http.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(pseudo[name])})
		}
		for _, h := range sent.HeaderMap {
			http.HeaderMap.Headers = append(http.HeaderMap.Headers, &corev3.HeaderValue{Key: h.Name, RawValue: []byte(h.Value)})
		}
	}
	if sent.Headers != nil {
		http.Headers = maps.Clone(sent.Headers)
		maps.Copy(http.Headers, pseudo)
	}
	attributes.Request.Http = http
	return &authv3.CheckRequest{Attributes: attributes}
}

func addressOf(source string) *corev3.Address {
	kind, rest, _ := strings.Cut(source, ":")
	switch {
	case source == "none":
		return nil
	case kind == "pipe":
		return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: rest}}}
	case kind == "internal":
		return &corev3.Address{Address: &corev3.Address_EnvoyInternalAddress{EnvoyInternalAddress: &corev3.EnvoyInternalAddress{
			AddressNameSpecifier: &corev3.EnvoyInternalAddress_ServerListenerName{ServerListenerName: rest},
		}}}
	}
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: source, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 4711},
	}}}
}

// answerOf reads a response as Envoy does.
func answerOf(t *testing.T, response *authv3.CheckResponse) authztest.Answer {
	t.Helper()
	answer := authztest.Answer{Sets: map[string]string{}, Metadata: response.GetDynamicMetadata().AsMap()}
	if response.GetStatus() == nil {
		t.Error("the response has no status")
	}
	if response.GetStatus().GetCode() == 0 {
		ok := response.GetOkResponse()
		for _, header := range ok.GetHeaders() {
			answer.Sets[header.GetHeader().GetKey()] = header.GetHeader().GetValue()
			if header.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD || header.Append != nil { //nolint:staticcheck // deprecated, and read first where it is set
				t.Errorf("%s is not set by overwriting", header.GetHeader().GetKey())
			}
		}
		answer.Removes, answer.RemovesQuery = ok.GetHeadersToRemove(), ok.GetQueryParametersToRemove()
		return answer
	}
	denied := response.GetDeniedResponse()
	answer.Status = int(denied.GetStatus().GetCode())
	for _, header := range denied.GetHeaders() {
		if strings.EqualFold(header.GetHeader().GetKey(), "www-authenticate") {
			answer.Challenge = header.GetHeader().GetValue()
		}
	}
	var body struct{ Code string }
	if json.Unmarshal([]byte(denied.GetBody()), &body) == nil {
		answer.Code = body.Code
	}
	return answer
}
