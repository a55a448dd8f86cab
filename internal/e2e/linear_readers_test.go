package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"
)

// checksAChange is how many checks are made for each change.
const checksAChange = 70

// An asked is a check that was answered.
type asked struct {
	question    *question
	applied     string // what its server had said that it applied, before it was asked
	asked, told time.Duration
	got         told
}

// A reader asks one server, over a connection of its own.
type reader struct {
	*trial
	member *member
	line   *line
	random *rand.Rand
	asked  []asked
	fault  error // an answer that is none
}

func (r *trial) newReader(m *member) *reader {
	r.t.Helper()
	return &reader{
		trial: r, member: m, line: newLine(r.t, m.at.GRPC),
		random: rand.New(rand.NewPCG(7, uint64(len(r.readings)))),
	}
}

// run asks until it is told to end. What is under way then counts as well.
func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil && r.fault == nil {
		token := r.token()
		peer := r.random.IntN(len(trialPeers))
		r.ask(&token.questions[peer], token.checks[peer])
		if r.trial.asked.Add(1)%checksAChange == 0 {
			select {
			case r.permits <- struct{}{}:
			default: // the writers have enough to do
			}
		}
	}
}

// token chooses who asks.
func (r *reader) token() *bearer {
	switch r.random.IntN(4) {
	case 0:
		return r.never.tokens.Load().current
	case 1:
		return r.pair.tokens.Load().current
	}
	tokens := r.slots[r.random.IntN(len(r.slots))].tokens.Load()
	switch r.random.IntN(8) {
	case 0:
		return tokens.before
	case 1:
		return tokens.next
	}
	return tokens.current
}

// longestAnswer is when a check counts as unanswered.
const longestAnswer = 10 * time.Second

func (r *reader) ask(q *question, check []byte) {
	a := asked{question: q, applied: *r.member.applied.Load(), asked: r.now()}
	answer, err := r.line.ask(check)
	a.told = r.now()
	if err == nil {
		a.got, err = toldBy(answer)
	}
	if err != nil {
		r.fault = fmt.Errorf("%v: %w", *q, err)
		return
	}
	r.asked = append(r.asked, a)
}

// toldBy reads an answer. One that says two things is an error.
func toldBy(answer []byte) (told, error) {
	response := &authv3.CheckResponse{}
	if err := proto.Unmarshal(answer, response); err != nil {
		return told{}, err
	}
	t := told{reason: response.GetDynamicMetadata().GetFields()["reason"].GetStringValue()}
	allowed := response.GetStatus() != nil && response.GetStatus().GetCode() == 0
	if allowed != (t.reason == "allowed") || allowed != (response.GetOkResponse() != nil) {
		return t, fmt.Errorf("it is no answer: %v", response)
	}
	for _, header := range response.GetOkResponse().GetHeaders() {
		switch header.GetHeader().GetKey() {
		case "x-client-name":
			t.name = header.GetHeader().GetValue()
		case "x-client-scopes":
			t.scopes = header.GetHeader().GetValue()
		}
	}
	return t, nil
}

// isRefusal tells an answer that says nothing of the records.
func (t told) isRefusal() bool { return t.reason == "registry_unavailable" || t.reason == "overloaded" }
