package handover

// ParseLibvirt is for the tests outside of the package, which have a real daemon.
var ParseLibvirt = parseLibvirt
