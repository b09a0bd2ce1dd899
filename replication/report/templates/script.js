// A link into a closed part opens it, before the browser goes there.
function openTarget() {
  let place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!place) return;
  for (let part = place; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  place.scrollIntoView();
}
addEventListener("hashchange", openTarget);
openTarget();
