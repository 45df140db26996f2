/** The address of a part of the page, which stays beside the word before it. */
export function Permalink({ id, label }: { id: string; label: string }) {
  return (
    <>
      {"\u00a0"}
      <a className="permalink" href={`#${id}`} aria-label={label}>
        #
      </a>
    </>
  );
}
