package answer

import (
	"net/http"

	"credence/internal/authz"
)

// A Row is what a caller is told for a reason. The reasons that allow have the
// zero Row.
type Row struct {
	Status     int    // of HTTP
	GRPC       uint32 // status code of gRPC, and of Envoy's CheckResponse
	Code       string // public and stable: callers may act on it
	Title      string // the phrase of the status, as RFC 9457 §4.2.1 wants it where there is no type
	Detail     string // one sentence or two for a stranger
	Challenged bool   // the answer carries WWW-Authenticate
	Error      string // of the challenge (RFC 6750 §3.1); empty: realm only
}

// The codes of gRPC that denials use (google.rpc.Code).
const (
	grpcInvalidArgument  = 3
	grpcPermissionDenied = 7
	grpcUnavailable      = 14
	grpcUnauthenticated  = 16
)

func badRequest(code, detail string) Row {
	return Row{http.StatusBadRequest, grpcInvalidArgument, code, http.StatusText(http.StatusBadRequest), detail, true, "invalid_request"}
}

func unauthorized(code, detail string) Row {
	return Row{http.StatusUnauthorized, grpcUnauthenticated, code, http.StatusText(http.StatusUnauthorized), detail, true, "invalid_token"}
}

func forbidden(code, detail string) Row {
	return Row{http.StatusForbidden, grpcPermissionDenied, code, http.StatusText(http.StatusForbidden), detail, false, ""}
}

// realmOnly is for a request without any credential: nothing was wrong with
// what it sent (RFC 6750 §3.1).
func realmOnly(r Row) Row { r.Error = ""; return r }

const errInsufficientScope = "insufficient_scope"

// insufficientScope adds the challenge that a lack of scope has.
func insufficientScope(r Row) Row { r.Challenged, r.Error = true, errInsufficientScope; return r }

// The rows that several reasons share: who asks cannot tell them apart.
var (
	credentialInvalid = unauthorized("credential_invalid", "The credential is not valid.")
	clientDisabled    = forbidden("client_disabled", "This client is disabled.")
	profileDisabled   = forbidden("profile_disabled", "The access profile of this credential is disabled.")
	unavailable       = Row{
		http.StatusServiceUnavailable, grpcUnavailable, "unavailable", http.StatusText(http.StatusServiceUnavailable),
		"The request cannot be checked at the moment. Try again in a few seconds.", false, "",
	}
)

var rows = [...]Row{
	authz.Undecided: unavailable,

	authz.Allowed:          {},
	authz.AllowedAnonymous: {},
	authz.AllowedObserved:  {},

	authz.Overloaded:          unavailable,
	authz.RequestInvalid:      badRequest("request_invalid", "The request is not an HTTP request that can be checked."),
	authz.RouteInvalid:        unavailable,
	authz.CredentialAmbiguous: badRequest("credential_ambiguous", "The request carries more than one credential, or one that can be read in two ways. Send exactly one, in one header."),
	authz.CredentialInURL:     badRequest("credential_in_url", "The URL holds a token, and URLs are kept in logs and histories. Treat the token as leaked, and send tokens in a header."),
	authz.CredentialMissing:   realmOnly(unauthorized("credential_missing", "The request carries no credential.")),

	authz.CredentialMalformed: credentialInvalid,
	authz.JWTMalformed:        credentialInvalid,
	authz.JWTAlgorithm:        credentialInvalid,
	authz.JWTIssuerUnknown:    credentialInvalid,
	authz.JWTKeyUnknown:       credentialInvalid,
	authz.JWTSignature:        credentialInvalid,
	authz.JWTSubjectUnknown:   credentialInvalid,
	authz.JWTClaims:           credentialInvalid,
	authz.JWTAudience:         credentialInvalid,
	authz.JWTBinding:          credentialInvalid,
	authz.TokenUnknown:        credentialInvalid,

	authz.CredentialRevoked:     unauthorized("credential_revoked", "The credential was revoked."),
	authz.CredentialExpired:     unauthorized("credential_expired", "The credential has expired."),
	authz.CredentialNotYetValid: unauthorized("credential_not_yet_valid", "The credential is not valid yet."),
	authz.CredentialOverdue:     unauthorized("credential_overdue", "The credential is older than its access profile allows. Use a newer one."),
	authz.CredentialLifetime:    unauthorized("credential_lifetime", "The credential is valid for longer than its access profile allows."),

	authz.ClientUnknown:      clientDisabled,
	authz.ClientDisabled:     clientDisabled,
	authz.ProfileUnknown:     profileDisabled,
	authz.ProfileDisabled:    profileDisabled,
	authz.KindNotAccepted:    forbidden("kind_not_accepted", "The access profile does not accept this kind of credential."),
	authz.ProfileNotAdmitted: forbidden("profile_not_admitted", "The access profile of this credential is not admitted here."),
	authz.TransportInsecure:  forbidden("transport_insecure", "This credential may only be used over HTTPS."),
	authz.PeerUnknown:        forbidden("peer_unknown", "This credential may only be used from certain addresses, and the address of this request is not known."),
	authz.PeerNotAllowed:     forbidden("peer_not_allowed", "This credential may not be used from this address."),
	authz.ScopeMissing:       insufficientScope(forbidden("scope_missing", "The credential lacks a scope that this request needs.")),

	authz.RegistryUnavailable: unavailable,
	authz.RecordInvalid:       unavailable,
	authz.InternalError:       unavailable,
}

// Of gives the row of a reason. What is no reason is answered like a fault of
// our own.
func Of(reason authz.Reason) Row {
	if int(reason) < len(rows) {
		return rows[reason]
	}
	return rows[authz.InternalError]
}
