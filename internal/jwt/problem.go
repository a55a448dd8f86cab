package jwt

// A Fault is what a JWT is refused for. Faults stand in the order of judging;
// whoever evaluates requests gives each a reason.
type Fault uint8

// The faults. The zero Fault is none.
const (
	None           Fault = iota
	Malformed            // no JWT, or one that could be read in two ways
	BadAlgorithm         // none that is supported, or not the key's
	IssuerUnknown        // iss is missing or no text
	KeyUnknown           // there is no key
	BadSignature         // does not verify with the key
	SubjectUnknown       // the subject claim is missing or no text
	BadClaims            // a claim is missing or of a wrong type
	BadAudience          // meant for somebody else
	BadBinding           // bound to another certificate, or to what cannot be compared
)

var faultNames = [...]string{
	None: "none", Malformed: "malformed", BadAlgorithm: "algorithm", IssuerUnknown: "issuer", KeyUnknown: "key",
	BadSignature: "signature", SubjectUnknown: "subject", BadClaims: "claims", BadAudience: "audience",
	BadBinding: "binding",
}

// String gives a word for people.
func (f Fault) String() string { return faultNames[f] }

// A Problem is why a JWT is refused. The zero Problem is none.
type Problem struct {
	Fault Fault
	// Why says more to an operator, like "exp: is missing". It holds nothing of
	// the JWT but names of members that this package knows or was asked for.
	Why string
}

// malformed is the Problem of a part of a JWT.
func malformed(part, why string) Problem { return Problem{Malformed, part + ": " + why} }
