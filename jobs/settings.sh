# SPDX-License-Identifier: BSD-3-Clause
# Sourced, with $jobs: the settings of a site. SIMCLR_SITE names a file of one's own, where these scripts are installed and belong to
# somebody else; what it leaves open is as in site.sh.
case ${SIMCLR_SITE:-} in
'') ;;
*/*) . "$SIMCLR_SITE" || exit 1 ;;
*) . "./$SIMCLR_SITE" || exit 1 ;;
esac
. "$jobs/site.sh"
