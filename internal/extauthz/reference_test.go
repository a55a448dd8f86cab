package extauthz

import (
	"errors"
	"iter"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"credence/internal/answer"
	"credence/internal/authz"
	"credence/internal/registry"
)

// A reference makes responses in the plain way: as values of Envoy's own types,
// which protobuf then encodes. What the encoder writes is held to it.
type reference struct{ *identity }

// encode makes the response to a check.
func (e reference) encode(check *authv3.CheckRequest, denial answer.Denial, decision authz.Decision) *authv3.CheckResponse {
	if decision.Allows() {
		return allow(e.changes(check, decision), e.metadata(decision))
	}
	return deny(denial, e.metadata(decision))
}

// allow makes a response that Envoy lets pass.
func allow(changes *authv3.OkHttpResponse, metadata *structpb.Struct) *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status:          &statuspb.Status{},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: changes},
		DynamicMetadata: metadata,
	}
}

// deny makes a response that Envoy answers itself. It is never an
// error_response, which Envoy may be set to let pass.
func deny(denial answer.Denial, metadata *structpb.Struct) *authv3.CheckResponse {
	headers := make([]*corev3.HeaderValueOption, len(denial.Headers))
	for i, header := range denial.Headers {
		headers[i] = set(header.Name, header.Value)
	}
	return &authv3.CheckResponse{
		Status: &statuspb.Status{Code: int32(denial.GRPC)}, // #nosec G115 -- a code of gRPC, below 17
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(denial.Status)}, // #nosec G115 -- a status of HTTP, below 600
			Headers: headers,
			Body:    denial.Body,
		}},
		DynamicMetadata: metadata,
	}
}

// set makes a header that replaces whatever was there. The action must be
// named: where it is not, Envoy appends, and what a client sent would survive.
func set(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

// changes says what Envoy does to a request that passes. Identity headers are
// set for whom every rule held for, and removed for everybody else; the
// credential goes no further where it was accepted. Envoy removes last, so no
// name is both set and removed.
func (e reference) changes(check *authv3.CheckRequest, decision authz.Decision) *authv3.OkHttpResponse {
	ok := &authv3.OkHttpResponse{HeadersToRemove: make([]string, 0, len(e.names)+len(e.variants)+1)}
	if decision.Reason != authz.Allowed {
		ok.HeadersToRemove = e.strip(append(ok.HeadersToRemove, e.names...), check)
		return ok
	}
	ok.Headers = make([]*corev3.HeaderValueOption, 0, len(e.names))
	for i, value := range e.values(decision.Facts) {
		if value == "" {
			ok.HeadersToRemove = append(ok.HeadersToRemove, e.names[i])
		} else {
			ok.Headers = append(ok.Headers, set(e.names[i], escaped(value)))
		}
	}
	if decision.Header != "" && !e.spells(decision.Header) {
		ok.HeadersToRemove = append(ok.HeadersToRemove, decision.Header)
	}
	if decision.Query != "" {
		ok.QueryParametersToRemove = []string{decision.Query}
	}
	ok.HeadersToRemove = e.strip(ok.HeadersToRemove, check)
	return ok
}

// metadata says of a decision what Envoy's access log, rate limits and other
// filters may want to know. What is not known is not there.
func (e reference) metadata(decision authz.Decision) *structpb.Struct {
	fields := make(map[string]*structpb.Value, 12)
	put := func(name, text string) {
		if text != "" {
			fields[name] = structpb.NewStringValue(text)
		}
	}
	put("decision", verdict(decision))
	put("reason", decision.Reason.String())
	if decision.Observed != authz.Undecided {
		put("observed", decision.Observed.String())
	}
	put("client", string(decision.Facts.Credential.Client))
	put("profile", string(decision.Facts.Credential.Profile))
	put("credential_id", decision.Facts.Credential.ID)
	put("credential_kind", decision.Kind.String())
	put("api", decision.Route.API)
	if decision.Peer.IsValid() {
		put("peer", decision.Peer.String())
	}
	if labels := e.labelsOf(decision.Facts.Client); len(labels) > 0 {
		fields["labels"] = structpb.NewStructValue(&structpb.Struct{Fields: labels})
	}
	if limit := decision.Facts.Limit(); decision.Reason == authz.Allowed && limit.Count > 0 {
		fields["limit"] = limitOverride(limit)
	}
	return &structpb.Struct{Fields: fields}
}

// labelsOf gives the labels of a client that may be told.
func (e reference) labelsOf(client *registry.Client) map[string]*structpb.Value {
	if client == nil {
		return nil
	}
	var told map[string]*structpb.Value
	for _, key := range e.labels {
		if value, found := client.Labels.Get(key); found {
			if told == nil {
				told = make(map[string]*structpb.Value, len(e.labels))
			}
			told[key] = structpb.NewStringValue(value)
		}
	}
	return told
}

// limitOverride gives a limit in the form in which Envoy's rate limit filter
// takes one from metadata (RateLimit.Override.DynamicMetadata).
func limitOverride(limit registry.Limit) *structpb.Value {
	return structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
		"requests_per_unit": structpb.NewNumberValue(float64(limit.Count)),
		"unit":              structpb.NewStringValue(strings.ToUpper(limit.Unit)),
	}})
}

// values gives the texts of the headers in the order of names; an empty one is
// not told.
func (e reference) values(facts authz.Facts) []string {
	values := make([]string, len(e.names))
	values[0] = string(facts.Client.ID)
	values[1] = facts.Client.Name
	values[2] = string(facts.Profile.ID)
	values[3] = facts.Credential.ID
	values[4] = facts.Credential.Kind.String()
	values[5] = strings.Join(facts.Scopes(), " ")
	for i, key := range e.labels {
		values[len(suffixes)+i], _ = facts.Client.Labels.Get(key)
	}
	return values
}

// strip appends the names to remove so that no identity header of the client's
// own goes on, those in names aside.
func (e reference) strip(remove []string, check *authv3.CheckRequest) []string {
	listed := !e.seenOnly || !showsEveryHeader(check)
	if listed {
		remove = append(remove, e.variants...)
	}
	seen := len(remove)
	for name := range shown(check) {
		if e.own[name] || !e.spells(name) || listed && isVariant(name) || !sayable(name) {
			continue
		}
		remove = append(remove, name)
	}
	slices.Sort(remove[seen:])
	return remove[:seen+len(slices.Compact(remove[seen:]))]
}

// shown gives the name of every header that the message shows, in lower case,
// of both forms.
func shown(check *authv3.CheckRequest) iter.Seq[string] {
	http := check.GetAttributes().GetRequest().GetHttp()
	return func(yield func(string) bool) {
		for _, header := range http.GetHeaderMap().GetHeaders() {
			if !yield(lower(header.GetKey())) {
				return
			}
		}
		for name := range http.GetHeaders() {
			if !yield(lower(name)) {
				return
			}
		}
	}
}

// escaped percent-encodes what is not printable ASCII, and the percent sign
// itself, so that a value is one line that can be read back.
func escaped(value string) string {
	plain := func(c byte) bool { return 0x20 <= c && c <= 0x7e && c != '%' }
	at := 0
	for at < len(value) && plain(value[at]) {
		at++
	}
	if at == len(value) {
		return value
	}
	var b strings.Builder
	b.WriteString(value[:at])
	for ; at < len(value); at++ {
		if c := value[at]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(string([]byte{'%', upperHex[c>>4], upperHex[c&15]}))
		}
	}
	return b.String()
}

// inspect says what is wrong with a response. Envoy allows by the status alone,
// and takes a missing one for OK.
func inspect(answered any) error {
	response, isResponse := answered.(*authv3.CheckResponse)
	if !isResponse || response == nil {
		return errors.New("it is none")
	}
	if response.Status == nil {
		return errors.New("it has no status")
	}
	if response.Status.Code == 0 {
		if response.GetOkResponse() == nil {
			return errors.New("its status is OK, and nothing says what to do with identity headers")
		}
		return nil
	}
	if denied := response.GetDeniedResponse(); denied.GetStatus().GetCode() < 400 {
		return errors.New("its status is not OK, and it is no denial")
	}
	return nil
}
