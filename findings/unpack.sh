# Sourced: unpack PACKAGE=VERSION ...: into $tree, which goes when the script
# ends.  Nothing is installed.
tree=$(mktemp -d) || exit 2
trap 'rm -rf "$tree"' EXIT
trap 'exit 2' INT TERM

unpack() {
	mkdir "$tree/packages" || exit 2
	for package; do
		(cd "$tree/packages" && apt-get -qq -o APT::Sandbox::User=root \
			download "$package" >/dev/null) || {
			echo "not to be had: $package" >&2
			exit 2
		}
	done
	for package in "$tree"/packages/*.deb; do
		dpkg -x "$package" "$tree" || exit 2
	done
	LD_LIBRARY_PATH=$tree/usr/lib/x86_64-linux-gnu
	export LD_LIBRARY_PATH
}
