package extauthz

import (
	"credence/internal/authz"
	"credence/internal/registry"
)

// The dynamic metadata of a response is a google.protobuf.Struct: a map of
// values.
const (
	structField = 1<<3 | sized // an entry of the map
	entryName   = 1<<3 | sized
	entryValue  = 2<<3 | sized
	valueNumber = 2<<3 | fixed64
	valueText   = 3<<3 | sized
	valueStruct = 5<<3 | sized
)

// metadata says of a decision what Envoy's access log, rate limits and other
// filters may want to know. What is not known is not there.
func (e *encoder) metadata(w *writer, decision authz.Decision) {
	facts := decision.Facts
	metadata := w.open(responseMetadata)
	w.tell("decision", verdict(decision))
	w.tell("reason", decision.Reason.String())
	if decision.Observed != authz.Undecided {
		w.tell("observed", decision.Observed.String())
	}
	w.tell("client", string(facts.Credential.Client))
	w.tell("profile", string(facts.Credential.Profile))
	w.tell("credential_id", facts.Credential.ID)
	w.tell("credential_kind", decision.Kind.String())
	w.tell("api", decision.Route.API)
	if decision.Peer.IsValid() {
		at := w.member("peer", valueText)
		w.text = decision.Peer.AppendTo(w.text)
		w.end(at)
	}
	e.identity.labelsOf(w, facts.Client)
	if limit := facts.Limit(); decision.Reason == authz.Allowed && limit.Count > 0 {
		w.limit(limit)
	}
	w.close(metadata)
}

func verdict(decision authz.Decision) string {
	if decision.Allows() {
		return "allow"
	}
	return "deny"
}

// labelsOf tells the labels of a client that may be told.
func (id *identity) labelsOf(w *writer, client *registry.Client) {
	if client == nil {
		return
	}
	var labels member
	told := false
	for _, key := range id.labels {
		value, found := client.Labels.Get(key)
		if !found {
			continue
		}
		if !told {
			labels, told = w.member("labels", valueStruct), true
		}
		text := w.member(key, valueText)
		w.chars(value)
		w.end(text)
	}
	if told {
		w.end(labels)
	}
}

// limit tells a limit in the form in which Envoy's rate limit filter
// takes one from metadata (RateLimit.Override.DynamicMetadata).
func (w *writer) limit(limit registry.Limit) {
	override := w.member("limit", valueStruct)
	count := w.entry("requests_per_unit")
	w.double(valueNumber, float64(limit.Count))
	w.endEntry(count)
	unit := w.member("unit", valueText)
	for i := range len(limit.Unit) {
		w.text = append(w.text, limit.Unit[i]-('a'-'A')) // minute is MINUTE
	}
	w.end(unit)
	w.end(override)
}

// tell puts a text into a struct, unless it is empty.
func (w *writer) tell(name, text string) {
	if text != "" {
		at := w.member(name, valueText)
		w.chars(text)
		w.end(at)
	}
}

// An openEntry of a struct is where its content begins, and that of its value.
type openEntry struct{ entry, value int }

// entry begins an entry whose value, a field of google.protobuf.Value, follows.
func (w *writer) entry(name string) (at openEntry) {
	at.entry = w.open(structField)
	w.string(entryName, name)
	at.value = w.open(entryValue)
	return at
}

func (w *writer) endEntry(at openEntry) {
	w.close(at.value)
	w.close(at.entry)
}

// A member is an open entry whose value is a text or a struct that is open too.
type member struct {
	openEntry
	content int
}

// member begins an entry whose value is a text or a struct: what is in it
// follows, and then end.
func (w *writer) member(name string, kind byte) (at member) {
	at.openEntry = w.entry(name)
	at.content = w.open(kind)
	return at
}

func (w *writer) end(at member) {
	w.close(at.content)
	w.endEntry(at.openEntry)
}
