"""Services of vendors, on loopback: state machines that speak their wires."""
