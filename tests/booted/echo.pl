# The application of scripts/check-booted: answers each question with it, and with the name of its host.
use strict;
use warnings;
use Socket;

chomp(my $host = qx(hostname));
socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
bind($socket, sockaddr_in(9000, INADDR_ANY)) or die "bind: $!";
while (1) {
    my $from = recv($socket, my $question, 100, 0) // next;
    send($socket, "$question $host", 0, $from);
}
