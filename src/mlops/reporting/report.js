"use strict";
// Filters the table of errors by text, class and slice. Without this script all of them are shown.
const form = document.getElementById("filter");
if (form) {
  const rows = [...document.querySelectorAll("#errors tbody tr")];
  const fits = row => {
    const {text, actual, predicted, slice} = form.elements;
    return (!text.value || row.cells[0].textContent.toLowerCase().includes(text.value.toLowerCase()))
      && (!actual.value || row.dataset.actual === actual.value)
      && (!predicted.value || row.dataset.predicted === predicted.value)
      && (!slice?.value || row.dataset.slices.split("\n").includes(slice.value));
  };
  const filter = () => {
    for (const row of rows) row.hidden = !fits(row);
    const shown = rows.filter(row => !row.hidden).length;
    document.getElementById("shown").textContent = `${shown} of ${rows.length} shown`;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  filter();
}
