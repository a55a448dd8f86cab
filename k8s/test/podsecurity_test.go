package k8s

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// podSecurity holds pods against the level "restricted", as the admission of a
// namespace with that label does, and wants the namespaces to have it.
func podSecurity(form []object) (found []string) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return []string{fmt.Sprintf("pod security: %v", err)}
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, w := range workloads(form) {
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &w.Spec.Template.ObjectMeta, w.pod))
		if !result.Allowed {
			found = append(found, fmt.Sprintf("%s: pod security restricted: %s", w, result.ForbiddenDetail()))
		}
		if !isRestricted(form, w.Namespace) {
			found = append(found, fmt.Sprintf("%s: its namespace does not enforce restricted", w))
		}
	}
	return found
}

func isRestricted(form []object, namespace string) bool {
	for _, n := range all[corev1.Namespace](form) {
		if n.Name == namespace && n.Labels[api.EnforceLevelLabel] == string(api.LevelRestricted) {
			return true
		}
	}
	return false
}
