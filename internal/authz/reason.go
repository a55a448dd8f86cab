package authz

// A Reason says why a request was allowed or denied.
type Reason uint8

// The reasons. The zero Reason, Undecided, denies. Denials stand in the order
// of the rules that give them; the last ones are several rules', or none's.
const (
	Undecided Reason = iota

	Allowed          // every rule holds
	AllowedAnonymous // no credential, and the route asks for none
	AllowedObserved  // denied, but the route only observes

	RequestInvalid
	RouteInvalid
	CredentialAmbiguous
	CredentialInURL
	CredentialMalformed
	CredentialMissing
	JWTMalformed
	JWTAlgorithm
	JWTIssuerUnknown
	JWTKeyUnknown
	JWTSignature
	JWTSubjectUnknown
	JWTClaims
	JWTAudience
	JWTBinding
	TokenUnknown
	CredentialRevoked
	CredentialExpired
	CredentialNotYetValid
	ClientUnknown
	ClientDisabled
	ProfileUnknown
	ProfileDisabled
	KindNotAccepted
	CredentialOverdue
	CredentialLifetime
	ProfileNotAdmitted
	TransportInsecure
	PeerUnknown
	PeerNotAllowed
	ScopeMissing

	Overloaded          // too many checks, or lookups, at a time
	RegistryUnavailable // a record that a rule asks for cannot be read
	RecordInvalid       // a record that a rule asks for is not valid
	InternalError       // a fault of our own
)

var reasonNames = [...]string{ // #nosec G101 -- names of reasons
	Undecided:             "undecided",
	Allowed:               "allowed",
	AllowedAnonymous:      "allowed_anonymous",
	AllowedObserved:       "allowed_observed",
	RequestInvalid:        "request_invalid",
	RouteInvalid:          "route_invalid",
	CredentialAmbiguous:   "credential_ambiguous",
	CredentialInURL:       "credential_in_url",
	CredentialMalformed:   "credential_malformed",
	CredentialMissing:     "credential_missing",
	JWTMalformed:          "jwt_malformed",
	JWTAlgorithm:          "jwt_algorithm",
	JWTIssuerUnknown:      "jwt_issuer_unknown",
	JWTKeyUnknown:         "jwt_key_unknown",
	JWTSignature:          "jwt_signature",
	JWTSubjectUnknown:     "jwt_subject_unknown",
	JWTClaims:             "jwt_claims",
	JWTAudience:           "jwt_audience",
	JWTBinding:            "jwt_binding",
	TokenUnknown:          "token_unknown",
	CredentialRevoked:     "credential_revoked",
	CredentialExpired:     "credential_expired",
	CredentialNotYetValid: "credential_not_yet_valid",
	ClientUnknown:         "client_unknown",
	ClientDisabled:        "client_disabled",
	ProfileUnknown:        "profile_unknown",
	ProfileDisabled:       "profile_disabled",
	KindNotAccepted:       "kind_not_accepted",
	CredentialOverdue:     "credential_overdue",
	CredentialLifetime:    "credential_lifetime",
	ProfileNotAdmitted:    "profile_not_admitted",
	TransportInsecure:     "transport_insecure",
	PeerUnknown:           "peer_unknown",
	PeerNotAllowed:        "peer_not_allowed",
	ScopeMissing:          "scope_missing",
	Overloaded:            "overloaded",
	RegistryUnavailable:   "registry_unavailable",
	RecordInvalid:         "record_invalid",
	InternalError:         "internal_error",
}

// String gives the reason as logs, metrics and metadata name it.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return reasonNames[Undecided]
}

// Allows tells whether a request passes.
func (r Reason) Allows() bool {
	return r == Allowed || r == AllowedAnonymous || r == AllowedObserved
}

// Reasons gives every reason but Undecided, in order.
func Reasons() []Reason {
	all := make([]Reason, 0, len(reasonNames)-1)
	for r := range reasonNames {
		if Reason(r) != Undecided {
			all = append(all, Reason(r))
		}
	}
	return all
}
