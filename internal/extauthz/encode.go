package extauthz

import (
	"errors"

	"google.golang.org/grpc/mem"

	"credence/internal/answer"
	"credence/internal/authz"
	"credence/internal/credential"
)

// From a decision to Envoy. A response is written as bytes, field by field, into
// a buffer of gRPC's pool, which gRPC takes as it is, sends and gives back. What
// is the same in many is not made anew: the names of headers to remove were
// encoded once (identity.go), and of denials all is made beforehand that neither
// request nor route adds to (answer). Two constructors, allow and deny, are the
// only ways to a response; what each may be, the guard looks up again in the
// bytes that leave.

// An encoder puts decisions in Envoy's words.
type encoder struct {
	identity *identity
	answers  *answer.Answers
}

// A response is an encoded CheckResponse, in a buffer from the pool. It is made
// by allow and by deny alone; nil is none.
type response struct {
	text *[]byte
	sent [1]mem.Buffer // what gRPC takes the text by
}

// buffers is where gRPC takes its own from, too.
var buffers = mem.DefaultBufferPool()

// roomBeside is how much a response is expected to need beside the names of
// headers to remove, in bytes.
const roomBeside = 1024

// respond makes the response to a check.
func (e *encoder) respond(q *question, decision authz.Decision) *response {
	if decision.Allows() {
		return e.allow(q, decision)
	}
	return e.deny(q, decision)
}

// The fields of a CheckResponse.
const (
	responseStatus   = 1<<3 | sized
	responseDenied   = 2<<3 | sized
	responseOK       = 3<<3 | sized
	responseMetadata = 4<<3 | sized
)

// allow makes a response that Envoy lets pass. It and deny are the only ways
// to a response.
func (e *encoder) allow(q *question, decision authz.Decision) *response {
	buffer := buffers.Get(len(e.identity.listed) + roomBeside)
	w := writer{text: (*buffer)[:0]}
	w.close(w.open(responseStatus)) // it is there, and its code is 0
	changes := w.open(responseOK)
	e.changes(&w, q, decision)
	w.close(changes)
	e.metadata(&w, decision)
	return q.finish(&w, buffer)
}

// deny makes a response that Envoy answers itself. It is never an
// error_response, which Envoy may be set to let pass.
func (e *encoder) deny(q *question, decision authz.Decision) *response {
	denial := e.answers.Deny(q.request, decision)
	buffer := buffers.Get(len(denial.Body) + roomBeside)
	w := writer{text: (*buffer)[:0]}
	status := w.open(responseStatus)
	w.number(1<<3|varint, uint64(denial.GRPC))
	w.close(status)
	denied := w.open(responseDenied)
	http := w.open(1<<3 | sized)
	w.number(1<<3|varint, uint64(denial.Status)) // #nosec G115 -- a status of HTTP, above 0
	w.close(http)
	for _, header := range denial.Headers {
		at := w.set(header.Name)
		w.chars(header.Value)
		w.done(at)
	}
	w.string(3<<3|sized, denial.Body)
	w.close(denied)
	e.metadata(&w, decision)
	return q.finish(&w, buffer)
}

// finish gives what was written, in the buffer or, where that was too small,
// in a larger one.
func (q *question) finish(w *writer, buffer *[]byte) *response {
	if w.fault {
		return nil
	}
	*buffer = w.text
	q.reply.text = buffer
	return &q.reply
}

// overwrite is OVERWRITE_IF_EXISTS_OR_ADD. The action must be named: where it is
// not, Envoy appends, and what a client sent would survive.
const overwrite = 2

// A place is where the value of a header begins in what is being written, and
// what is around it.
type place struct{ option, header, value int }

// set begins a header that replaces whatever was there: its value follows, and
// then done.
func (w *writer) set(name string) (at place) {
	at.option = w.open(2<<3 | sized)
	at.header = w.open(1<<3 | sized)
	w.string(1<<3|sized, name)
	at.value = w.open(2<<3 | sized)
	return at
}

func (w *writer) done(at place) {
	w.close(at.value)
	w.close(at.header)
	w.number(3<<3|varint, overwrite)
	w.close(at.option)
}

// remove says that a header goes no further.
func (w *writer) remove(name string) { w.string(5<<3|sized, name) }

// changes says what Envoy does to a request that passes. Identity headers are
// set for whom every rule held for, and removed for everybody else; the
// credential goes no further where it was accepted. Envoy removes last, so no
// name is both set and removed.
func (e *encoder) changes(w *writer, q *question, decision authz.Decision) {
	id := e.identity
	if decision.Reason != authz.Allowed {
		w.bytes(id.anonymous)
		id.removeSpellings(w, q)
		return
	}
	id.tell(w, decision.Facts)
	if decision.Header != "" && !id.spells(decision.Header) {
		w.remove(decision.Header)
	}
	if decision.Query != "" {
		w.string(8<<3|sized, decision.Query)
	}
	id.removeSpellings(w, q)
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
