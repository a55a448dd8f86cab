package extauthz

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"credence/internal/authz"
)

// intercept is the last that sees a response. What Envoy would read as "allow"
// without being one, and what is no response at all, becomes a denial:
// internal_error. It is an interceptor, and reads the bytes that leave, so that
// it holds whatever becomes of the code before it.
func (s *Server) intercept(ctx context.Context, asked any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (answered any, err error) {
	q, isCheck := asked.(*question)
	if !isCheck {
		return next(ctx, asked) // health
	}
	defer func() {
		if fault := recover(); fault != nil {
			answered, err = s.fail(q, fmt.Errorf("extauthz: panic: %v\n%s", fault, debug.Stack())), nil
		}
	}()
	answered, err = next(ctx, asked)
	if err != nil {
		return s.fail(q, fmt.Errorf("extauthz: check: %w", err)), nil
	}
	if err := withheld(answered); err != nil {
		return s.fail(q, fmt.Errorf("extauthz: response withheld: %w", err)), nil
	}
	return answered, nil
}

// withheld says what is wrong with a response. Envoy allows by the status
// alone, and takes a missing one for OK.
func withheld(answered any) error {
	r, isResponse := answered.(*response)
	if !isResponse || r == nil {
		return errors.New("it is none")
	}
	text := *r.text
	status, denied, ok := contentOf(text, 1), contentOf(text, 2), contentOf(text, 3)
	others := contentOf(text, 5) // error_response
	switch {
	case status == nil:
		return errors.New("it has no status")
	case numberOf(status) == 0 && (len(ok) == 0 || denied != nil || others != nil):
		return errors.New("its status is OK, and nothing says what to do with identity headers")
	case numberOf(status) != 0 && (numberOf(contentOf(denied, 1)) < 400 || ok != nil || others != nil):
		return errors.New("its status is not OK, and it is no denial")
	}
	return nil
}

// contentOf gives the content of a field of a message, nil where it is not
// there: what cannot be read is not there. Of a field that is there twice it
// gives the last, which may be less than what a decoder would make of both.
func contentOf(message []byte, field protowire.Number) (content []byte) {
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return nil
		}
		size := protowire.ConsumeFieldValue(number, kind, message[tag:])
		if size < 0 {
			return nil
		}
		if value := message[tag : tag+size]; number == field && kind == protowire.BytesType {
			content, _ = protowire.ConsumeBytes(value)
		}
		message = message[tag+size:]
	}
	return content
}

// numberOf gives the number that a message of a single one begins with.
func numberOf(message []byte) uint64 {
	number, kind, tag := protowire.ConsumeTag(message)
	if tag < 0 || number != 1 || kind != protowire.VarintType {
		return 0
	}
	value, size := protowire.ConsumeVarint(message[tag:])
	if size < 0 {
		return 0
	}
	return value
}

// fail answers a check that was not decided. Whatever broke may break again
// here, so each step is tried by itself.
func (s *Server) fail(q *question, cause error) *response {
	decision := authz.Decision{Reason: authz.InternalError, Cause: cause}
	attempt(func() { s.observe(q.request, decision, 0) })
	return s.encoder.deny(q, decision)
}

// attempt runs step and survives its panic.
func attempt(step func()) {
	defer func() { _ = recover() }()
	step()
}
