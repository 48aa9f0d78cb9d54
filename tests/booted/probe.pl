# A client of the shared address: a numbered question every 2 ms. At SIGUSR1 it writes to its file what happened since the
# last one: how many questions were never answered, the longest time from the first of them in a row to the next that was,
# in milliseconds, and the host that answers now. A late answer is an answer: a busy machine does not count as an outage.
#
#     probe.pl ADDRESS FILE
use strict;
use warnings;
use Socket;
use Time::HiRes qw(time);

my ($address, $file) = @ARGV;
my $to = sockaddr_in(9000, inet_aton($address));
socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
my ($number, $marked, $host) = (0, undef, '');
my (%sent, %answered);
my $wanted = 0;
$SIG{USR1} = sub { $wanted = 1 };
write_down(0, 0, '-'); # it takes signals now
my $next = time;

while (1) {
    if (time >= $next) {
        send($socket, $number, 0, $to); # without a route or a neighbour it is lost, too
        $sent{$number++} = time;
        $next += 0.002;
        $next = time if $next < time - 1; # this process stood still: no burst
    }
    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;
    my $wait = $next - time;
    if (select($bits, undef, undef, $wait > 0 ? $wait : 0) > 0) {
        if (defined recv($socket, my $answer, 200, 0)) {
            (my $of, $host) = split ' ', $answer;
            $answered{$of} = 1;
            # All questions before the mark have had their chance: the service takes them one by one.
            report() if defined $marked && $of >= $marked;
        }
    }
    if ($wanted) {
        $wanted = 0;
        $marked = $number;
    }
}

sub report {
    my ($lost, $longest, $first) = (0, 0, undef);
    for my $of (sort { $a <=> $b } grep { $_ <= $marked } keys %sent) {
        if ($answered{$of} || $of == $marked) {
            if (defined $first) {
                my $time = $sent{$of} - $first;
                $longest = $time if $time > $longest;
                undef $first;
            }
        } else {
            $lost++;
            $first //= $sent{$of};
        }
    }
    delete @sent{grep { $_ < $marked } keys %sent};
    delete @answered{grep { $_ < $marked } keys %answered};
    undef $marked;
    write_down($lost, $longest * 1000, $host);
}

sub write_down {
    open(my $out, '>', "$file.new") or die "$file.new: $!";
    printf $out "%d %.0f %s\n", @_;
    close($out);
    rename("$file.new", $file);
}
