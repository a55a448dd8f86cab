package extauthz

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"

	"credence/internal/authz"
)

// guard is the last that sees a response. What Envoy would read as "allow"
// without being one, and what is no response at all, becomes a denial:
// internal_error. It is an interceptor, so that it holds whatever becomes of
// the code before it.
func (s *Server) guard(ctx context.Context, asked any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (answered any, err error) {
	check, isCheck := asked.(*authv3.CheckRequest)
	if !isCheck {
		return next(ctx, asked) // health
	}
	defer func() {
		if fault := recover(); fault != nil {
			answered, err = s.fail(check, fmt.Errorf("extauthz: panic: %v\n%s", fault, debug.Stack())), nil
		}
	}()
	answered, err = next(ctx, asked)
	if err != nil {
		return s.fail(check, fmt.Errorf("extauthz: check: %w", err)), nil
	}
	if err := inspect(answered); err != nil {
		return s.fail(check, fmt.Errorf("extauthz: response withheld: %w", err)), nil
	}
	return answered, nil
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

// fail answers a check that was not decided. Whatever broke may break again
// here, so each step is tried by itself.
func (s *Server) fail(check *authv3.CheckRequest, cause error) *authv3.CheckResponse {
	decision := authz.Decision{Reason: authz.InternalError, Cause: cause}
	var request authz.Request
	attempt(func() { request = decode(check) })
	attempt(func() { s.observe(request, decision, 0) })
	return deny(s.encoder.answers.Deny(request, decision), s.encoder.metadata(decision))
}

// attempt runs step and survives its panic.
func attempt(step func()) {
	defer func() { _ = recover() }()
	step()
}
