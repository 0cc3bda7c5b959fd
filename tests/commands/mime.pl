#!/usr/bin/perl
# mime.pl FOLDER: where MIME::Parser, JSON::PP and Encode read another message
# in NAME.eml than examples/commands/json wrote into NAME.json, a line each.
use strict;
use warnings;
use Encode;
use JSON::PP;
use MIME::Base64;
use MIME::Parser;

binmode STDOUT, ':utf8';
local $SIG{__WARN__} = sub { };	# of odd messages
my $file;

sub differs {
	my ($what, $is, $should) = map { $_ // 'null' } @_;
	print "$file: $what: $is, and not $should\n" if $is ne $should;
}

sub content {
	open my $handle, '<', $_[0] or die "$_[0]: $!";
	local $/;
	return scalar <$handle>;
}

# characters CHARSET OCTETS
sub characters {
	my ($charset, $octets) = @_;
	my $is = find_encoding($charset || 'us-ascii');
	return $is->decode($octets) if $is && $is->name ne 'ascii';
	my $copy = $octets;
	return eval { decode('UTF-8', $copy, Encode::FB_CROAK) } //
		decode('cp1252', $octets);
}

sub words {
	my ($value) = @_;
	$value =~ s/\r?\n(?=[ \t])//g;
	$value =~ s/^\s+|\s+$//g;
	return decode('MIME-Header', $value) unless $value =~ /[^\x00-\x7f]/;
	return characters('', $value);
}

sub fields {
	my ($ours, $head) = @_;
	my %theirs;
	for my $name (map { lc } $head->tags) {
		$theirs{$name =~ tr/-/_/r} = [map { words($_) }
			$head->get_all($name)];
	}
	my %ours = map { $_ => ref $ours->{$_} ? $ours->{$_} : [$ours->{$_}] }
		keys %$ours;
	differs('fields', map { join ' ', sort keys %$_ } \%ours, \%theirs);
	for my $name (keys %theirs) {
		differs($name, map { join '|', @{$_->{$name} // []} }
			\%ours, \%theirs);
	}
}

sub leaves {
	my ($entity) = @_;
	return $entity->parts ? map { leaves($_) } $entity->parts : $entity;
}

sub compare {
	my ($message, $ours) = @_;
	my $parser = MIME::Parser->new;
	$parser->output_to_core(1);
	$parser->tmp_to_core(1);
	$parser->extract_nested_messages(0);
	my $root = $parser->parse_data($message);
	fields($ours->{headers}, $root->head);
	my %text;
	for my $part (leaves($root)) {
		my ($head, $type) = ($part->head, $part->mime_type);
		my $octets = $part->bodyhandle ? $part->bodyhandle->as_string
			: '';
		my $name = $head->recommended_filename;
		my $disposition = $head->get('Content-Disposition') &&
			lc $head->mime_attr('Content-Disposition');
		my ($kind) = $type =~ m{^text/(plain|html)$};
		if ($kind && !exists $text{$kind} && !defined $name &&
				($disposition // '') ne 'attachment') {
			my $charset = $head->mime_attr('content-type.charset');
			$text{$kind} = characters($charset, $octets)
				=~ s/\r\n/\n/gr;
			next;
		}
		my $it = shift @{$ours->{attachments}};
		my $id = $head->get('Content-Id');
		$id =~ s/^\s*<|>\s*$//g if defined $id;
		differs('type', $it->{content_type}, $type);
		differs('name', $it->{file_name}, $name);
		differs('disposition', $it->{disposition}, $disposition);
		differs('id', $it->{content_id}, $id);
		differs('size', $it->{size}, length $octets);
		differs('content', decode_base64($it->{content} // ''),
			$octets);
	}
	differs('plain', $ours->{plain}, $text{plain});
	differs('html', $ours->{html}, $text{html});
	differs('more', scalar @{$ours->{attachments}}, 0);
}

for (sort glob "$ARGV[0]/*.eml") {
	my ($path) = /(.*)\.eml$/;
	$file = $path =~ s{.*/}{}r;
	eval {
		compare(content($_), JSON::PP->new->utf8->decode(
			content("$path.json")));
		1;
	} or print "$file: $@";
}
