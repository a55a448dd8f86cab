package extauthz

import (
	"errors"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"credence/internal/answer"
	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// An encoder puts decisions in Envoy's words.
type encoder struct {
	identity *identity
	answers  *answer.Answers
}

// encode makes the response to a check: request is what decode made of it.
func (e *encoder) encode(check *authv3.CheckRequest, request authz.Request, decision authz.Decision) *authv3.CheckResponse {
	if decision.Allows() {
		return allow(e.changes(check, decision), e.metadata(decision))
	}
	return deny(e.answers.Deny(request, decision), e.metadata(decision))
}

// allow makes a response that Envoy lets pass. It and deny are the only ways
// to a CheckResponse.
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
func (e *encoder) changes(check *authv3.CheckRequest, decision authz.Decision) *authv3.OkHttpResponse {
	id := e.identity
	ok := &authv3.OkHttpResponse{HeadersToRemove: make([]string, 0, len(id.names)+len(id.variants)+1)}
	if decision.Reason != authz.Allowed {
		ok.HeadersToRemove = id.strip(append(ok.HeadersToRemove, id.names...), check)
		return ok
	}
	ok.Headers = make([]*corev3.HeaderValueOption, 0, len(id.names))
	for i, value := range id.values(decision.Facts) {
		if value == "" {
			ok.HeadersToRemove = append(ok.HeadersToRemove, id.names[i])
		} else {
			ok.Headers = append(ok.Headers, set(id.names[i], escape(value)))
		}
	}
	if decision.Header != "" && !id.spells(decision.Header) {
		ok.HeadersToRemove = append(ok.HeadersToRemove, decision.Header)
	}
	if decision.Query != "" {
		ok.QueryParametersToRemove = []string{decision.Query}
	}
	ok.HeadersToRemove = id.strip(ok.HeadersToRemove, check)
	return ok
}

// metadata says of a decision what Envoy's access log, rate limits and other
// filters may want to know. What is not known is not there.
func (e *encoder) metadata(decision authz.Decision) *structpb.Struct {
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
	if labels := e.identity.labelsOf(decision.Facts.Client); len(labels) > 0 {
		fields["labels"] = structpb.NewStructValue(&structpb.Struct{Fields: labels})
	}
	if limit := decision.Facts.Limit(); decision.Reason == authz.Allowed && limit.Count > 0 {
		fields["limit"] = limitOverride(limit)
	}
	return &structpb.Struct{Fields: fields}
}

func verdict(decision authz.Decision) string {
	if decision.Allows() {
		return "allow"
	}
	return "deny"
}

// labelsOf gives the labels of a client that may be told.
func (id *identity) labelsOf(client *registry.Client) map[string]*structpb.Value {
	if client == nil {
		return nil
	}
	var told map[string]*structpb.Value
	for _, key := range id.labels {
		if value, found := client.Labels.Get(key); found {
			if told == nil {
				told = make(map[string]*structpb.Value, len(id.labels))
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

// errNoFacts is the cause where somebody is allowed whom nobody knows.
var errNoFacts = errors.New("extauthz: allowed without client, profile or credential")

// whole makes a fault of our own of what is no decision: one that was never
// made, and one that allows somebody without saying whom.
func whole(decision authz.Decision) authz.Decision {
	facts := decision.Facts
	switch {
	case decision.Reason == authz.Undecided:
		decision.Reason = authz.InternalError
	case decision.Reason == authz.Allowed && (facts.Client == nil || facts.Profile == nil || facts.Credential.Kind == credential.NoKind):
		decision.Reason, decision.Cause = authz.InternalError, errNoFacts
	}
	return decision
}
