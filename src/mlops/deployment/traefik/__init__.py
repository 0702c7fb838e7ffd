"""What leads the traffic on one machine: Traefik, and the file that it reads."""
